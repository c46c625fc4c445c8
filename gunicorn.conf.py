"""What gunicorn reads by itself in this folder, before it starts anything."""

import subprocess
import sys

# Wrong settings end the master with one line; each worker would fail over them as well. They are
# read in a process of their own, as what that imports would stay in the master: 40 MB.
_checked = subprocess.run([sys.executable, "-m", "payments.config"], check=False)
if _checked.returncode:
    sys.exit(_checked.returncode)
