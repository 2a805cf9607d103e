"""What each event leads to: one file per behaviour, composed in `bot.deliveries`."""
