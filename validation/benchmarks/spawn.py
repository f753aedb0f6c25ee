"""Starts one process from a small one and prints what it took as JSON: `python -I -S spawn.py COMMAND...`."""

import json
import os
import subprocess
import sys
import time

begin = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall_s = time.perf_counter() - begin
child.returncode = os.waitstatus_to_exitcode(status)
peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"wall_s": wall_s, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_MB": peak_bytes / 1e6}))
sys.exit(child.returncode)
