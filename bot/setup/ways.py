"""How GitHub reaches this machine: what there is to choose from, and how each is started."""

import typer

WAYS = """How shall GitHub reach this machine?

  1  smee.io: nothing to install, and nothing to open. Deliveries pass through smee.io in the
     clear, which may read them: for trying out and for public repositories.
  2  an address of your own, such as a tunnel that keeps the bytes as they are:
       cloudflared tunnel --url http://127.0.0.1:{port}
       tailscale funnel {port}
     Start it in another terminal; it prints the address.
"""


def ask_for_address(port: int) -> str:
    """Ask in the terminal; return a public address, or nothing for a channel of smee.io."""
    typer.echo(WAYS.format(port=port))
    if typer.prompt("1 or 2", default="1").strip() != "2":
        return ""
    address: str = typer.prompt("The public address (https://...)")
    return address.strip()
