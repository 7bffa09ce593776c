"""``understudy setup`` and ``understudy serve``: for a Prefect server of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.terminal import no_telemetry, prefect_for_a_terminal, say


def setup() -> None:
    """Make what the deployments need on the Prefect server: work pools cpu and gpu, the limit gpu."""
    prefect_for_a_terminal()
    from flows import deployments

    for name, new in deployments.setup().items():
        say(f"{name}: {'made' if new else 'was there'}")
    say(f"on {deployments.server()}")


def serve(
    limit: Annotated[int, typer.Option(min=1, help="Runs at the same time.")] = 1,
) -> None:
    """Serve every flow from this process until it is stopped, instead of deployments and a worker."""
    no_telemetry()
    from flows import deployments

    deployments.serve_all(limit)
