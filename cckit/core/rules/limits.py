"""What can't be about channels, skills that need a certificate, and how often somebody is asked."""

from typing import TypeVar

import msgpack

from cckit.core import channel
from cckit.core.certificate import SkillSettings
from cckit.core.channel import ChannelSettings
from cckit.core.floor import Floor
from cckit.core.instant import HOUR
from cckit.core.settings import OfferSettings

S = TypeVar("S", ChannelSettings, SkillSettings, OfferSettings)


def wrong_channel(id: str, data: bytes, floor: Floor) -> str | None:
    settings = _read(ChannelSettings, data)
    if isinstance(settings, str):
        return settings
    return channel.wrong(id, settings, floor.channels)


def wrong_skill(id: str, data: bytes, floor: Floor) -> str | None:
    settings = _read(SkillSettings, data)
    if isinstance(settings, str):
        return settings
    certificate: object = settings.certificate
    if type(certificate) is not bool:
        return f"certificate is {certificate!r}, allowed are true and false"
    return None


def wrong_offers(id: str, data: bytes, floor: Floor) -> str | None:
    settings = _read(OfferSettings, data)
    if isinstance(settings, str):
        return settings
    if id != "center":
        return f"they are those of {id!r}; there is one of this kind, its id is center"
    return wrong_rates(settings)


def wrong_rates(settings: OfferSettings) -> str | None:
    """Say what can't be about how often somebody is asked; None if all can."""
    for name, least, most in (
        ("backoff_us", 1, HOUR),
        ("backoff_max_us", 1, HOUR),
        ("a_minute", 0, 1000),
    ):
        value = getattr(settings, name)
        if type(value) is not int or not least <= value <= most:
            return f"{name} is {value!r}, allowed are {least} to {most}"
    if settings.backoff_max_us < settings.backoff_us:
        return "backoff_max_us is less than backoff_us"
    return None


def _read(cls: type[S], data: bytes) -> S | str:
    """The settings, or why there are none."""
    try:
        settings = cls.unpack(data)
    except (TypeError, KeyError, ValueError, msgpack.UnpackException) as error:
        return f"the settings are unreadable: {error}"
    if settings.pack() != data:
        return "the settings are not the canonical msgpack of a map of all of them"
    return settings
