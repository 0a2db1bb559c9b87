"""What cameras say, for the bridges in this folder: each message once, in order, and a service that is away is waited for.

Listens by mosquitto_sub, so that broker, user, password and certificates stand where that program looks for them
(~/.config/mosquitto_sub, one option a line). The session is kept by the broker for a day: what comes while a bridge is started anew
is not missed."""

import collections
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

# How long the broker keeps what a bridge misses, seconds.
SESSION_S = 86_400
# Messages that are remembered, so that none counts twice (QoS 1 may repeat them).
REMEMBERED = 10_000
# Longest pause before a service that is away is tried again, seconds.
LONGEST_PAUSE_S = 60
# How long a service may take to answer, seconds.
PATIENCE_S = 30

Post = collections.namedtuple("Post", "site camera kind retained properties payload")


def say(text):
    """For the journal."""
    print(text, file=sys.stderr, flush=True)


def read(line):
    """A line of mosquitto_sub: topic, retain flag, user properties, payload in hexadecimal."""
    topic, retained, properties, payload = line.rstrip("\n").split("\t")
    levels = topic.split("/")
    pairs = (pair.split(":", 1) for pair in properties.split(" ") if ":" in pair)
    return Post(levels[2], levels[3], "/".join(levels[4:]), retained == "1", dict(pairs), bytes.fromhex(payload))


def body(post):
    """The JSON of a message; None where it is none."""
    try:
        message = json.loads(post.payload)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def listen(client, kinds, options, tick_s=1.0):
    """Messages of these kinds of all cameras, for ever; None now and then while nothing comes. Ends when mosquitto_sub does."""
    topics = [argument for kind in kinds for argument in ("-t", f"bearwatch/v1/+/+/{kind}")]
    session = ["-V", "5", "-q", "1", "-c", "-x", str(SESSION_S), "-i", client]
    command = ["mosquitto_sub", *session, *topics, "-F", "%t\t%r\t%P\t%x", *options]
    # So that what ends us ends mosquitto_sub as well: it would go on taking messages in.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    seen = collections.OrderedDict()
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    rest = b""
    try:
        while True:
            if not selector.select(tick_s):
                yield None
                continue
            some = os.read(process.stdout.fileno(), 1 << 16)
            if not some:
                sys.exit(f"mosquitto_sub has ended with {process.wait()}")
            *lines, rest = (rest + some).split(b"\n")
            for line in lines:
                post = read(line.decode())
                if post.payload and is_new(seen, post):
                    yield post
    finally:
        process.terminate()
        process.wait()


def is_new(seen, post):
    """Remembers a message; False where it was heard before."""
    # A last will bears boot and number of the birth that it belongs to: it is no repetition of that.
    if post.kind == "status" or "boot" not in post.properties:
        return True
    name = (post.site, post.camera, post.kind, post.properties["boot"], post.properties.get("seq"))
    if name in seen:
        return False
    seen[name] = True
    if len(seen) > REMEMBERED:
        seen.popitem(last=False)
    return True


def send(method, url, data, headers):
    """Until it is taken; the answer. What a service refuses for good is said and dropped: None."""
    pause = 1
    while True:
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            # 408, 429 and the server's own faults pass; the others do not get better by repetition.
            if error.code < 500 and error.code not in (408, 429):
                say(f"{method} {url}: refused with {error.code}: {error.read(500).decode(errors='replace')}")
                return None
            trouble = f"answers {error.code}"
        except (urllib.error.URLError, OSError) as error:
            trouble = str(error)
        say(f"{method} {url}: {trouble}; again in {pause} s")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


def secret(path):
    """A token that only its owner may read; empty where none is given."""
    if not path:
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read().strip()
