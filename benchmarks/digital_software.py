"""Digital_Software through the whole main job: time, memory, every line accounted for.

REAL_DATA_DIR=... python -m benchmarks.digital_software
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from benchmarks.kedro_runs import load_catalog, run_kedro
from benchmarks.record import write_result

COMMAND = "REAL_DATA_DIR=... python -m benchmarks.digital_software"


def folder_fingerprint(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Name -> (size, modification time, SHA-256) of every file in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_size,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    """Run, measure, check the accounting, write the result."""
    root = os.environ.get("REAL_DATA_DIR")
    if not root:
        raise SystemExit("REAL_DATA_DIR is not set; docs/data.md says what belongs there")
    folder = Path(root).resolve() / "amazon_us_digital_software"
    before = folder_fingerprint(folder)
    run = run_kedro("run", "--env=amazon_us", f"--params=reviews_path={folder}")
    if folder_fingerprint(folder) != before:
        raise SystemExit(f"{folder} was changed by the run")
    catalog = load_catalog("amazon_us")
    quality = catalog.load("data_quality_report")
    if quality["accepted"] + quality["rejected"] != quality["lines_read"]:
        raise SystemExit("accepted + rejected differs from lines_read")
    served = catalog.load("recommendations")
    customers = catalog.load("customer_ids").count().execute()
    print(run.output[-6000:])
    path = write_result(
        "digital_software",
        COMMAND,
        {
            "data": quality["data"],
            "seconds": run.seconds,
            "peak_memory_mb": run.peak_memory_mb,
            "rows": {
                key: quality[key]
                for key in ("lines_read", "accepted", "rejected", "rejected_by_reason")
            },
            "split": quality["split"],
            "customers": int(customers),
            "customers_served": int(served.customer_id.nunique().execute()),
            "input_folder_untouched": True,
            "leaderboard": catalog.load("leaderboard").to_dict(orient="records"),
            "node_seconds": catalog.load("run_report")["node_seconds"],
        },
    )
    print(f"{run.seconds} s, {run.peak_memory_mb} MB; written to {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
