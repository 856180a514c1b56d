"""Zone files, as the doors have them: a plugin reads them there, too."""

from cckit.hooks.zones import read_zone as read_zone
