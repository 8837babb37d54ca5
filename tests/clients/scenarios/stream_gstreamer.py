"""GStreamer's webrtcbin as a program that streams: publishes a file by WHIP, by orders as the others.

Run by the system's Python, for GStreamer's bindings are Debian's. `certificate` says what its DTLS shows:
`own` is what GStreamer makes by itself (RSA), else the PEM file that is named.
"""

import hashlib
import json
import os
import pathlib
import re
import ssl
import sys
import threading
import traceback
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

BASE = os.environ["SERVER"]
TLS = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
END = "-----END CERTIFICATE-----"
# A handshake in vain ends sooner.
PATIENCE = 10


def tell(**report: Any) -> None:
    """Prints one report."""
    print(json.dumps(report), flush=True)


class Session:
    """One WHIP session."""

    def __init__(self, token: str, file: str, certificate: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.url, self.fingerprint = "", ""
        self.states: list[str] = []
        self.promises: list[Any] = []
        self.connected = threading.Event()
        self.pipeline = Gst.parse_launch(
            f"filesrc location={file} ! wavparse ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111"
            " ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2"
            " ! clocksync name=pace ! webrtcbin name=peer bundle-policy=max-bundle"
        )
        if certificate != "own":
            pem = pathlib.Path(certificate).read_text()
            shown = ssl.PEM_cert_to_DER_cert(pem[: pem.index(END) + len(END)])
            self.fingerprint = hashlib.sha256(shown).digest().hex(":").upper()
            self.pipeline.connect("deep-element-added", lambda _bin, _sub, new: show(new, pem))
        self.peer = self.pipeline.get_by_name("peer")
        # It passes over the loopback device by itself, where the server is.
        # (Kept: the binding takes the element's own reference to its agent along.)
        self.agent = self.peer.get_property("ice-agent")
        self.agent.emit("add-local-ip-address", "127.0.0.1")
        self.peer.connect("notify::connection-state", self._changed)
        self.pipeline.get_by_name("pace").get_static_pad("src").add_probe(
            Gst.PadProbeType.EVENT_DOWNSTREAM, self._passed
        )
        self.pipeline.get_bus().set_sync_handler(self._message)

    def _changed(self, peer: Any, _property: Any) -> None:
        state = peer.get_property("connection-state").value_nick
        print("connection is", state, file=sys.stderr)
        self.states.append(state)
        if state in ("connected", "failed", "closed"):
            self.connected.set()

    def _passed(self, _pad: Any, info: Any) -> Any:
        if info.get_event().type == Gst.EventType.EOS:
            tell(played=True)
        return Gst.PadProbeReturn.OK

    def _message(self, _bus: Any, message: Any) -> Any:
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.WARNING):
            kind = message.parse_error if message.type == Gst.MessageType.ERROR else message.parse_warning
            error, where = kind()
            self.states.append(f"{error.message} ({where})"[:300])
            print(message.src.get_name(), error.message, where, file=sys.stderr)
        return Gst.BusSyncReply.PASS

    def begin(self, endpoint: str) -> dict[str, str]:
        """Offers, and takes the answer; the headers that matter."""
        self.pipeline.set_state(Gst.State.PAUSED)
        self.pipeline.get_state(5 * Gst.SECOND)
        reply = self._ask("create-offer", None)
        offer = reply.get_value("offer")
        self._ask("set-local-description", offer)
        text = offer.sdp.as_text()
        if self.fingerprint:
            # GStreamer 1.22 takes the sum of all that is in the file, the private key too.
            text = re.sub("a=fingerprint:.*", f"a=fingerprint:sha-256 {self.fingerprint}", text)
        request = urllib.request.Request(
            endpoint,
            text.encode(),
            {**self.headers, "Content-Type": "application/sdp"},
        )
        print(text, file=sys.stderr)
        try:
            with urllib.request.urlopen(request, context=TLS) as answer:
                text, headers = answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{endpoint}: {error.code} {error.read().decode()}") from error
        print(text, file=sys.stderr)
        self.url = urljoin(endpoint, headers["Location"])
        _, parsed = GstSdp.SDPMessage.new_from_text(text)
        answered = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, parsed)
        self._ask("set-remote-description", answered)
        # The answer's candidates are not read by every version of it.
        for line in text.splitlines():
            if line.startswith("a=candidate:"):
                self.peer.emit("add-ice-candidate", 0, line[2:])
        self.pipeline.set_state(Gst.State.PLAYING)
        self.connected.wait(PATIENCE)
        if "connected" not in self.states:
            raise RuntimeError(f"not connected: {self.states}")
        return {"url": self.url, "tag": headers["ETag"]}

    def _ask(self, action: str, what: Any) -> Any:
        promise = Gst.Promise.new()
        # What it answers lives no longer than it.
        self.promises.append(promise)
        self.peer.emit(action, what, promise)
        promise.wait()
        return promise.get_reply()

    def end(self) -> int:
        """Ends it; the status of the answer."""
        request = urllib.request.Request(self.url, headers=self.headers, method="DELETE")
        try:
            with urllib.request.urlopen(request, context=TLS) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        finally:
            self.pipeline.set_state(Gst.State.NULL)


def show(element: Any, pem: str) -> None:
    """Has DTLS show this certificate."""
    if element.get_factory() and element.get_factory().get_name() in ("dtlssrtpdec",):
        element.set_property("pem", pem)


def main() -> None:
    """Reads orders until there are no more."""
    Gst.init(None)
    session: Session | None = None
    tell(ready=True)
    while line := sys.stdin.readline():
        fields = json.loads(line)
        order = fields.pop("order")
        try:
            if order == "publish":
                session = Session(fields["token"], fields["file"], fields["certificate"])
                tell(publishing=session.begin(f"{BASE}/whip/{fields['channel']}"))
            elif session:
                tell(ended=session.end())
        except Exception:
            if session:
                session.pipeline.set_state(Gst.State.NULL)
            tell(error=f"{order}: {traceback.format_exc(limit=4)}")


main()
os._exit(0)
