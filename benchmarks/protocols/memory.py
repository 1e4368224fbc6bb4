"""Peak memory of one part of a process."""

from __future__ import annotations

from pathlib import Path

from product_recommender.machine import peak_memory_mb

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def restart_peak() -> None:
    """Count the peak anew from now on, where the system can do that (Linux)."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def peak_since_restart_mb() -> int:
    """Largest resident memory since ``restart_peak``, in MB (10^6 bytes); else of the process."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6)
    except OSError:
        pass
    return peak_memory_mb()
