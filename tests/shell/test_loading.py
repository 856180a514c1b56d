"""Only what the configuration names is loaded, and what can't be is named."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

import cckit
from cckit import Config, ConfigError, PluginError
from cckit.shell import plugins


def python(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_importing_cckit_loads_neither_trio_nor_a_store() -> None:
    loaded = python("import sys, cckit; print(*sys.modules)").split()
    assert not {"trio", "apsw", "msgpack", "attrs", "cckit.core"} & set(loaded)


def test_every_public_word_is_found_where_it_lives() -> None:
    for name in dir(cckit):
        assert getattr(cckit, name) is not None
    with pytest.raises(AttributeError, match="nosuch"):
        _ = cckit.nosuch  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("named", "loaded"),
    [("", "False"), ("'permissions']\\n[permissions]\\nfirst_admin = 'root' #", "True")],
)
def test_a_plugin_is_imported_only_if_it_is_named(named: str, loaded: str) -> None:
    source = f"""
import sys, trio
from cckit import Config, open_center
async def main():
    async with open_center(Config.parse("[center]\\nplugins = [{named}]")):
        print("cckit_permissions" in sys.modules)
trio.run(main)
"""
    assert python(source) == loaded


def test_plugins_stand_in_the_order_of_the_configuration_then_those_given() -> None:
    one, two, three = object(), object(), object()
    config = Config(plugins=("two", "permissions"))
    given = {"one": one, "two": two, "three": three}
    assert list(plugins.instantiate(config, given)) == ["two", "permissions", "one", "three"]
    assert plugins.instantiate(config, given)["two"] is two


def test_a_missing_extra_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = EntryPoint("asterisk", "cckit_that_is_not_there.plugin:Plugin", "cckit")
    monkeypatch.setattr(plugins, "available", lambda: {"asterisk": point})
    with pytest.raises(PluginError) as caught:
        plugins.instantiate(Config(plugins=("asterisk",)), {})
    assert caught.value.what == "needs the module cckit_that_is_not_there"
    assert caught.value.remedy == "pip install 'cckit-sdk[asterisk]'"


def test_a_plugin_that_fails_when_it_is_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "cckit.core.ids:contact_stream", "cckit")
    monkeypatch.setattr(plugins, "available", lambda: {"broken": point})
    with pytest.raises(PluginError, match="plugin broken"):
        plugins.instantiate(Config(plugins=("broken",)), {})


def test_a_name_that_is_not_installed_shows_what_is() -> None:
    with pytest.raises(ConfigError) as caught:
        plugins.instantiate(Config(plugins=("nosuch",), file="my.toml"), {})
    assert caught.value.where == "my.toml: center.plugins"
    assert "permissions" in caught.value.remedy
