"""The least program: what it prints, and nothing else.

    hello_test.py PROGRAM"""
import subprocess
import sys

done = subprocess.run([sys.argv[1]], capture_output=True, text=True, timeout=50, check=False)
assert (done.returncode, done.stdout, done.stderr) == (0, 'code-sync: hold fast\n', ''), done
