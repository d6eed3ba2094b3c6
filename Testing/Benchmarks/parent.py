"""A process ends with the one that started it, however that one ends."""

from __future__ import annotations

import os
import threading
import time


def end_with(parent: int) -> None:
    """Ends this process soon after its parent has ended; a killed parent cannot tell it to.

    Args:
        parent: The parent's process id. If it is gone already, this process ends at once.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()
