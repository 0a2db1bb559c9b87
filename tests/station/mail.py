#!/usr/bin/python3
"""mail.py SMTPS_PORT SMTP_PORT PASSWORD CERTIFICATE KEY FOLDER: a mail server on the loopback (Debian: python3-aiosmtpd) that wants TLS and a login, and writes
what it gets into FOLDER."""

import itertools
import pathlib
import ssl
import sys
import threading

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult
except ImportError:
    sys.exit("aiosmtpd is missing: apt-get install python3-aiosmtpd")


def main(smtps, smtp, password, certificate, key, folder):
    folder, numbers = pathlib.Path(folder), itertools.count()

    class Box:
        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith("nobody@"):
                return "550 there is no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 so be it"

        async def handle_DATA(self, server, session, envelope):
            path = folder / f"{next(numbers):04}.part"
            path.write_bytes(envelope.content)
            path.rename(path.with_suffix(".eml"))
            return "250 kept"

    def login(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == password.encode(), handled=False)

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    common = {"hostname": "127.0.0.1", "authenticator": login, "auth_required": True}
    Controller(Box(), port=int(smtps), ssl_context=tls, auth_require_tls=False, **common).start()
    Controller(Box(), port=int(smtp), tls_context=tls, require_starttls=True, **common).start()
    (folder / "ready").touch()
    threading.Event().wait()


main(*sys.argv[1:])
