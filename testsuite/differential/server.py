"""server.py: builds what standard input names, one JSON line each, in forked processes.

A line in is [source, folder]; a line out what `build.both` says.  What Cython needs is imported once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from differential import build  # noqa: E402

#: Seconds for a build.
LIMIT = 180


def forked(path: Path, folder: Path) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(LIMIT)
        os.chdir(path.parent)
        # Whatever a build prints must not end up among the answers.
        os.dup2(2, 1)
        found = build.both(path, folder)
        with os.fdopen(writing, "w") as file:
            json.dump(found, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if text:
        return json.loads(text)
    code = os.waitstatus_to_exitcode(status)
    return {"error": signal.Signals(-code).name if code < 0 else f"exit status {code}"}


def main() -> None:
    build.warm_up()
    for line in sys.stdin:
        source, folder = json.loads(line)
        print(json.dumps(forked(Path(source), Path(folder))), flush=True)


if __name__ == "__main__":
    main()
