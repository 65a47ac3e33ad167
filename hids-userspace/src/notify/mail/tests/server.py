"""SMTP server for tests: MODE PORT; appends each mail as a line of JSON to ./mails."""
import email
import email.policy
import json
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

mode, port = sys.argv[1], int(sys.argv[2])


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode == "refuse-all" or (mode == "refuse-second" and address.startswith("second")):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if mode == "filter" and b"FILTER-ME" in envelope.content:
            return "554 5.7.1 this text is not welcome"
        # Headers raw but unfolded: what a mail program would make of them.
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "from": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "headers": [(name, str(value)) for name, value in mail.items()],
            "text": mail.get_content().replace("\r\n", "\n"),
            "encrypted": session.ssl is not None,
            "user": (session.auth_data or b"").decode() if session.authenticated else "",
        }
        with open("mails", "a") as out:
            out.write(json.dumps(line) + "\n")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    if data.login == b"user" and data.password == b"secret":
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


options = {}
if mode in ("starttls", "login"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    options = {"tls_context": context, "require_starttls": True}
if mode == "login":
    options.update(authenticator=authenticate, auth_required=True)
controller = Controller(Handler(), hostname="127.0.0.1", port=port, **options)
controller.start()
print("ready", flush=True)
while True:
    time.sleep(3600)
