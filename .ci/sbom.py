"""Writes the software bill of materials (CycloneDX, JSON) of what production installs.

    python .ci/sbom.py [FILE]

Made from the lock alone, without a network; the same lock gives the same file.
https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from payments import __version__  # noqa: E402 - from this folder, whatever is installed

LOCK = "requirements.txt"


def describe_product() -> str:
    """Return the root component as PEP 621 has it; the package itself is described in setup.cfg."""
    described = ConfigParser()
    described.read(ROOT / "setup.cfg", "utf-8")
    name, sentence = (described["metadata"][field] for field in ("name", "description"))
    return f'[project]\nname = "{name}"\nversion = "{__version__}"\ndescription = "{sentence}"\n'


def write_sbom(target: Path) -> int:
    """Write the file; it has been validated when the exit code is 0."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        product = Path(folder) / "pyproject.toml"
        product.write_text(describe_product(), "utf-8")
        # A lock does not say who needs whom, which the tool warns of.
        command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", LOCK]
        command += ["--pyproject", str(product), "--spec-version", "1.6", "--output-reproducible"]
        command += ["--validate", "--output-file", str(target)]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def main(arguments: list[str]) -> int:
    """Write to the given file, or below build/."""
    default = ROOT / "build" / f"payments-{__version__}.cdx.json"
    target = Path(arguments[0]).resolve() if arguments else default
    failed = write_sbom(target)
    if not failed:
        print(f"payments: {target.relative_to(ROOT) if target.is_relative_to(ROOT) else target}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
