"""Runs Home Assistant's own discovery over a device description: its abbreviations, its schemas of device and platforms, and its
templates over messages. What it imports beside itself and is not needed for that is stood in for by empty modules.

Called by check.mjs inside a Python as new as Home Assistant asks for."""

import importlib.abc
import importlib.machinery
import json
import sys
import types

# What Home Assistant's schemas and templates really use; everything else that is not of its own may be missing.
REAL = {"homeassistant", "probatio", "jinja2", "markupsafe", "slugify", "text_unidecode", "awesomeversion", "attr", "attrs",
        "typing_extensions", "packaging"}


# Parts of Home Assistant itself that talk to the world: not of interest here, and they want what is not here.
CLOSED = {"homeassistant.util.httpx2_ssl", "homeassistant.util.ssl", "homeassistant.util.ca_certs", "homeassistant.auth",
          "homeassistant.components.http", "homeassistant.components.websocket_api", "homeassistant.components.recorder",
          "homeassistant.components.stream", "homeassistant.components.hassio", "homeassistant.helpers.httpx_client",
          "homeassistant.helpers.aiohttp_client", "homeassistant.helpers.network"}


def is_closed(name):
    return any(name == closed or name.startswith(closed + ".") for closed in CLOSED)


class Nothing:
    def __init__(self, *_, **__):
        pass

    def __call__(self, *args, **_):
        return args[0] if len(args) == 1 and callable(args[0]) else Nothing()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()


class Absent(type):
    """Classes of libraries that are not here: good as a base, an annotation, a decorator."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(name, (Nothing,), {})

    def __getitem__(cls, _):
        return cls

    def __or__(cls, other):
        return cls

    __ror__ = __or__

    def __iter__(cls):
        return iter(())

    def __len__(cls):
        return 0

    def __contains__(cls, _):
        return False

    def __call__(cls, *args, **_):
        if cls.__dict__.get("__module__") == __name__ and len(args) == 1 and callable(args[0]):
            return args[0]
        return type.__call__(cls, *args)


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last: only what was found nowhere."""

    used = set()

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in REAL and not is_closed(name):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        self.used.add(spec.name.split(".")[0])
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: Absent(name, (Nothing,), {"__module__": __name__})
        return module

    def exec_module(self, module):
        pass


class Closed(StandIn):
    """Comes first: what must not be found."""

    def find_spec(self, name, path, target=None):
        return super().find_spec(name, path) if is_closed(name) else None


sys.meta_path.insert(0, Closed())
sys.meta_path.append(StandIn())


class Bounded(dict):
    """In place of lru's: here nothing grows."""

    def __init__(self, *_, **__):
        super().__init__()


def shim_libraries():
    """What of orjson and lru Home Assistant's helpers need, by the standard library."""
    sys.modules["lru"] = types.ModuleType("lru")
    sys.modules["lru"].LRU = Bounded
    orjson = types.ModuleType("orjson")
    orjson.JSONDecodeError = json.JSONDecodeError
    orjson.JSONEncodeError = TypeError
    orjson.loads = json.loads
    orjson.dumps = lambda value, default=None, option=0: json.dumps(value, default=default).encode()
    for bit, name in enumerate(("OPT_INDENT_2", "OPT_SORT_KEYS", "OPT_NON_STR_KEYS", "OPT_PASSTHROUGH_DATACLASS",
                                "OPT_PASSTHROUGH_DATETIME", "OPT_NAIVE_UTC", "OPT_SERIALIZE_NUMPY", "OPT_APPEND_NEWLINE")):
        setattr(orjson, name, 1 << bit)
    orjson.Fragment = bytes
    sys.modules["orjson"] = orjson


class House:
    """What templates ask of a running Home Assistant: a place to keep their environment in."""

    def __init__(self):
        self.data, self.config = {}, types.SimpleNamespace(legacy_templates=False)


def stand_in_for_the_house():
    from homeassistant import core

    core._hass.hass = House()


def components_of(topic, payload):
    """As `async_discovery_message_received` does it: the configuration of each component, checked without and with leniency."""
    import importlib

    from homeassistant.components.mqtt import discovery

    match = discovery.TOPIC_MATCHER.match(topic.split("/", 1)[1])
    assert match and match["component"] == "device", f"{topic} is no topic of device discovery"
    device = discovery._parse_device_payload(None, payload, topic, match["object_id"], match["node_id"])
    assert device, "Home Assistant refuses the device; its words are above"
    checked = {}
    for name, config in device["components"].items():
        platform = config.pop("platform")
        component = discovery.MQTTDiscoveryPayload(config)
        component["device"], component["origin"] = device["device"], device["origin"]
        discovery._merge_common_device_options(component, device)
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        # The schema of discovery lets pass fields that it does not know; that of the configuration file does not.
        module.PLATFORM_SCHEMA_MODERN(dict(component))
        checked[name] = (platform, module.DISCOVERY_SCHEMA(dict(component)))
    return checked


def render(config, message):
    from homeassistant.components.mqtt.models import MqttValueTemplate

    return str(MqttValueTemplate(config.get("value_template")).async_render_with_possible_json_value(json.dumps(message))).strip()


def check_value(name, platform, config, message):
    value = render(config, message)
    if platform == "binary_sensor":
        assert value in ("ON", "OFF", ""), f"{name}: {value!r}"
    elif platform == "event":
        event = json.loads(value)
        assert event["event_type"] in config["event_types"], f"{name}: {event['event_type']}"
        assert event["id"] == message["id"], f"{name}: the message is not in the event"
    elif config.get("unit_of_measurement") or config.get("state_class"):
        assert value == "None" or float(value) is not None, f"{name}: {value!r} is no number"
    else:
        assert 0 < len(value) <= 255, f"{name}: {value!r} is no state"


def check_bear(config, alert):
    """What is not of the present switches nothing, and one bear that goes leaves the other."""
    cases = [
        ({"state": "opened", "open": 1}, "ON"),
        ({"state": "closed", "open": 0}, "OFF"),
        ({"state": "closed", "open": 1}, "ON"),
        ({"state": "opened", "open": 1, "late": True}, ""),
        ({"state": "opened", "open": 0, "drill": True}, ""),
        ({"state": "opened", "open": 0, "audience": "reviewers"}, ""),
        ({"state": "opened", "open": 1, "escalation": {"level": "duty", "step": 1, "of": 1, "after_s": 60}}, ""),
    ]
    for change, wanted in cases:
        value = render(config, {**alert, **change})
        assert value == wanted, f"bear: {value!r} on {change}, not {wanted!r}"


def main(heard):
    """`heard`: lines of topic, tab, payload in hexadecimal, as mosquitto_sub wrote them."""
    shim_libraries()
    stand_in_for_the_house()
    posts = [(topic, bytes.fromhex(payload)) for topic, payload in (line.split("\t") for line in heard.splitlines())]
    [described] = {(topic, payload) for topic, payload in posts if topic.endswith("/config") and payload}
    components = components_of(described[0], described[1].decode())
    rendered = 0
    for name, (platform, config) in components.items():
        messages = [json.loads(payload) for topic, payload in posts if topic == config.get("state_topic")]
        assert messages or "state_topic" not in config, f"{name}: nothing came on {config['state_topic']}"
        for message in messages:
            check_value(name, platform, config, message)
            rendered += 1
    alerts = [json.loads(payload) for topic, payload in posts if topic.endswith("/alert")]
    check_bear(components["bear"][1], alerts[0])
    assert render(components["alert"][1], {**alerts[0], "audience": "reviewers"}) == "", "what is for reviewers is no event here"
    # The check sees what it must.
    for wrong in ({"state_topic": "a/#/b"}, {"device_class": "bear"}, {"off_dealy": 3}):
        device = json.loads(described[1])
        device["components"]["bear"].update(wrong)
        try:
            components_of(described[0], json.dumps(device))
        except Exception:  # noqa: BLE001 its own kinds of error
            continue
        raise AssertionError(f"{wrong} passes")
    print(f"Home Assistant takes the device with {len(components)} components; {rendered} messages rendered by its templates")
