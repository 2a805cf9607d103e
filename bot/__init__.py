"""What people meet: the command line, the service, the workflow and the demo."""
