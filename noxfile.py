"""The same checks as ``pytest`` runs, one at a time: ``nox -l`` lists them.

On a machine that lacks one of the Pythons say which are there:
``nox -s tests -- -m 'not long'`` or ``nox -s tests-3.12``.
"""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests"]

TORTURE = {"HYPOTHESIS_PROFILE": "fresh", "CCKIT_TORTURE": "1", "CCKIT_TIER": "long"}
FOLDERS = ("cckit", "plugins", "adapters", "examples")
HARNESSES = tuple(
    f"tests/{name}"
    for name in (
        *("access", "callback", "erasure", "explain", "faults", "fuzz", "proof", "simulation"),
        *("theory", "what_if"),
    )
)
PYTHONS = ["3.11", "3.12", "3.13"]


def install(session: nox.Session) -> None:
    session.install("-c", "constraints.txt", "-e", ".[all]")


def pytest(session: nox.Session, *arguments: str) -> None:
    install(session)
    session.run("python", "-m", "pytest", *arguments, *session.posargs)


def is_async(file: Path) -> bool:
    """Whether flake8-async, which takes long, can have anything to say about a file."""
    text = file.read_text("utf-8")
    return "async " in text or "trio" in text


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests."""
    pytest(session)


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    install(session)
    session.run("mypy")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, flake8-async and the import contracts."""
    install(session)
    session.run("ruff", "check", ".")
    files = (str(f) for folder in FOLDERS for f in Path(folder).rglob("*.py") if is_async(f))
    session.run("python", "-m", "flake8_async", *files)
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Write docs/reference anew, then run every code block of README.md and docs/."""
    install(session)
    session.run("python", "docs/generate.py", "--write")
    session.run("python", "-m", "pytest", "tests/docs", *session.posargs)


@nox.session
def surface(session: nox.Session) -> None:
    """Write tests/architecture/surface.txt anew: the public names and their signatures."""
    install(session)
    session.run("python", "tests/architecture/surface.py", "--write")


@nox.session
def simulate(session: nox.Session) -> None:
    """The simulated world, with the fixed seeds."""
    pytest(session, "tests/simulation", "tests/theory", "tests/testing")


@nox.session(python=PYTHONS)
def replay(session: nox.Session) -> None:
    """Golden logs and replay digests: the same on every Python."""
    pytest(session, "tests/replay")


@nox.session
def torture(session: nox.Session) -> None:
    """Hypothesis with fresh examples, the harnesses at their longest, and what takes hours."""
    install(session)
    hours = "faulthandler_timeout=0"
    session.run("python", "-m", "pytest", "-o", hours, *session.posargs, env=TORTURE)


@nox.session
def harness(session: nox.Session) -> None:
    """The harnesses of faults, proof, erasure and theory, as much as `.ci/run` does."""
    install(session)
    folders = session.posargs or HARNESSES
    minutes = "faulthandler_timeout=1800"
    shared = ("-n", "2", "--dist", "worksteal")
    env = {"CCKIT_TIER": "fast"}
    session.run("python", "-m", "pytest", "-o", minutes, *shared, *folders, env=env)


@nox.session
def bench(session: nox.Session) -> None:
    """All benchmarks, each interleaved with its rival."""
    install(session)
    session.run("cckit", "bench", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel and look into it."""
    pytest(session, "tests/architecture/test_distribution.py")


@nox.session
def pins(session: nox.Session) -> None:
    """Write constraints.txt anew."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "--universal", "--all-extras", "--no-header", "--no-annotate"),
        *("--python-version", "3.11", "--upgrade", "-o", "constraints.txt", "pyproject.toml"),
    )
