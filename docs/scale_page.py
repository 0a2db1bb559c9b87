"""Renders docs/scale.md from the measurements."""

from figures_page import missing, origins, table

HEAD = """# Many cameras

This page is written by `make scale` from the measurements in `docs/scale/`, which hold commit, machine, command, seed and count; do not edit it.

## Topics and names

* `bearwatch/v1/<site>/<camera>/<kind>`: a desk of one site takes `bearwatch/v1/yellow-creek/#`, a program for pictures alone `bearwatch/v1/+/+/snapshot`. The kind
  stands last, so that no filter needs to look into payloads, and access rules can tell telemetry from pictures.
* The client id of a camera is `bearwatch-<site>-<camera>`: stable, so that a second connection under the same name throws the first out instead of doubling it, and
  readable in the broker's log. Desks and programs add a random part: any number of them may be open.
* A camera needs one connection, one subscription (its own commands) and two retained messages (status, state). It keeps no session at the broker: what is not
  acknowledged is in its outbox, so that a broker that forgot everything has lost nothing.
* Attempts to connect are jittered and back off, so that a fleet does not knock all at once when a broker comes back.
* Sequence numbers count by camera, topic and life of the daemon. A receiver proves by them alone that nothing is missing (`bearwatch watch --verify`), whatever brokers and
  bridges lie between.

## Consumers that share the work

`bearwatch watch --json --share GROUP` subscribes to `$share/GROUP/bearwatch/v1/+/+/+`, a shared subscription of MQTT v5: each message goes to one program of the group; other groups and
plain subscribers get their own. It is for programs that store or forward. A desk at which people sit must hear everything: it judges by what does not come. Shared subscriptions
get no retained messages, and order holds for each program alone. What was given to a program that dies is lost after a minute, when the broker forgets its session, so that end
them by SIGTERM, and count by the numbers.

## One broker a site

`deploy/mosquitto-bridge/` has the configuration of a site's Mosquitto that carries everything to a central one and brings commands back. An outage of the link costs time, no alert;
`tests/bridge.rs` holds that with two real brokers.

## Brokers

What bearwatch needs: MQTT 5.0 with user properties, QoS 1, retained messages (also for filters with wildcards, or a desk that connects does not see how cameras are), last wills,
and packets as large as a snapshot (by default some 50 kB).

| broker | MQTT 5.0 | shared subscriptions | many nodes | tried here |
| --- | --- | --- | --- | --- |
| Mosquitto 2.0 | yes | yes | by bridges | yes: all tests, and the figures below |
| EMQX 5 | yes | yes; `round_robin` and others by configuration | cluster | no: not in Debian. Raise `mqtt.max_packet_size` (1 MB by default) only for larger snapshots |
| HiveMQ 4 | yes | yes | cluster | no: not in Debian |
| RabbitMQ from 3.13 | yes, by the plugin `rabbitmq_mqtt` | not among the features that its documentation lists | cluster | no: Debian 12 has 3.10, which speaks 3.1.1 and refuses us. **Retained messages do not reach filters with wildcards** and stay on one node: a desk does not see the status of cameras until it changes |
| NATS server | no, 3.1.1 alone | – | cluster | 2.9.10: closes the connection (its log: "unacceptable protocol version of 5"). A Mosquitto in front with a bridge of version 3.1.1 would lose the user properties |

"""


def page(stored):
    if "swarm" not in stored:
        return HEAD + "## Figures\n\n" + missing("`make scale`")
    station = stations(stored["station"]["result"]) if "station" in stored else ""
    two = two_stations(stored["stations"]["result"]) if "stations" in stored else ""
    many = hundred_thousand(stored) if "stations" in stored and "station" in stored else ""
    return HEAD + fleets(stored["swarm"]["result"]) + station + two + many + "\n" + origins(stored)


def stations(result):
    text = (
        "\n## A station\n\nThe same fleets with `bearwatch station` beside them ([operations.md](operations.md)), its page open: cameras, broker, station, its database and who looks share one machine. "
        "An alert is shown when it comes on the stream of events, counted from the time of its frame at the camera. Behind: how long after the last camera had left the last message was filed.\n\n"
    )
    return text + received(result)


def two_stations(result):
    text = (
        "\n## Two stations on one PostgreSQL\n\nThe same with two stations that share the pictures (`--instance a --share` and `b`) and one PostgreSQL, with a page of each open, all on the same machine. An alert counts on both pages; "
        "processor time is that of both, memory of the one that takes more.\n\n"
    )
    return text + received(result)


def hundred_thousand(stored):
    one, two = (stored[name]["result"]["fleets"][-1] for name in ("station", "stations"))
    broker = stored["swarm"]["result"]["fleets"][-1]
    seconds, times = broker["seconds"], 100_000 / one["cameras"]
    cores = lambda spent_s: times * spent_s / seconds
    days_gb = lambda fleet: times * fleet["database_mb"] / seconds * 86_400 / 1e3
    rows = [
        ["broker", f"{cores(broker['broker']['cpu_s']):.1f}", f"{times * broker['messages_per_s']:,.0f} messages and {times * broker['payload_mb_per_s']:.0f} MB a second in; memory {times * broker['broker']['memory_mb'] / 1e3:.1f} GB at most"],
        ["stations on SQLite, each with its own sites (`--site`)", f"{cores(one['cpu_s']):.1f}", f"{days_gb(one):,.0f} GB a day, most of it pictures"],
        ["stations on PostgreSQL, two for each part of the sites", f"{cores(two['cpu_s']):.1f}", "telemetry goes to both"],
        ["PostgreSQL", f"{cores(two['database_cpu_s']):.1f}", f"{days_gb(two):,.0f} GB a day"],
    ]
    return (
        f"\n## A hundred thousand cameras\n\nNobody has measured that. What the figures above come to, times {times:.0f}, at the same rate of bears (twelve an hour at each camera, day and night; telemetry every 10 s):\n\n"
        + table(["part", "cores", "beside that"], rows)
        + "\nA station runs on one core, and knows 20,000 cameras at most: a hundred thousand are at least five parts, by sites, each with its station or pair of stations and its database. So no part is larger than what "
        "one core carries, and none knows of the others; there is no page of all of them. A broker of one core (Mosquitto) carries less than that: one for each part, or a cluster.\n"
    )


def received(result):
    rows = []
    for fleet in result["fleets"]:
        said, filed, shown = fleet["said"], fleet["filed"], fleet["shown_ms"]
        row = [f"{fleet['connected']} of {fleet['cameras']}", f"{fleet['messages_per_s']:.0f}"]
        row += [f"{filed[kind]} of {said[kind]}" for kind in ("alert", "snapshot")]
        row += [f"{fleet['behind_s']:.2f}", fleet["alerts_shown"], f"{shown['p50']:.0f} / {shown['p95']:.0f} / {shown['p99']:.0f}"]
        rows.append(row + [f"{fleet['cpu_s']:.1f}", f"{fleet['memory_mb']:.0f}", f"{fleet['database_mb']:.0f}"])
    heads = ["cameras", "messages a second", "steps of alerts filed", "pictures filed", "behind, s", "alerts shown", "frame to page p50 / p95 / p99, ms"]
    return table(heads + ["station's processor time, s", "its memory, MB", "database, MB"], rows)


def fleets(result):
    text = (
        f"## Figures\n\n`bearwatch swarm` plays the cameras: each has its own connection, client id, birth, last will and commands; telemetry every 10 s, twelve bears an hour "
        f"with alerts and five and more pictures of a drawn campsite each, two connections an hour that break without a goodbye. A receiver beside them holds every message against what was said. {result['broker'].capitalize()}, "
        f"cameras and receiver run on one machine.\n\n"
    )
    rows = []
    for fleet in result["fleets"]:
        alert = fleet["topics"]["alert"]["latency_ms"]
        rows.append(
            [
                f"{fleet['connected']} of {fleet['cameras']}",
                f"{fleet['all_connected_s']:.1f}",
                fleet["said"],
                f"**{fleet['missing']}**",
                fleet["doubled"],
                f"{fleet['wills']['heard']} of {fleet['wills']['due']}",
                f"{fleet['messages_per_s']:.0f}",
                f"{fleet['payload_mb_per_s']:.2f}",
                f"{alert['p50']:.1f} / {alert['p95']:.1f} / {alert['p99']:.1f}",
                f"{fleet['broker']['cpu_s']:.1f}",
                f"{fleet['broker']['memory_mb']:.0f}",
                f"{fleet['memory_mb']:.0f}",
            ]
        )
    heads = ["cameras", "all connected after, s", "messages", "missing", "heard again", "last wills heard", "messages a second", "MB a second"]
    heads += ["alert to receiver p50 / p95 / p99, ms", "broker's processor time, s", "broker's memory, MB", "swarm's memory, MB"]
    return text + table(heads, rows)
