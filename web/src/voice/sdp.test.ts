// The server as this client imagines it: fragments read, answers written, nothing malformed.

import { describe, expect, it } from "vitest";
import { composeAnswer, opusBitrate, parseFragment, SdpError, selectFragment, type Speaker } from "./sdp";

const FRAGMENT = [
  "m=audio 50001 ICE/SDP",
  "a=fingerprint:sha-256 4A:79:94:16",
  "c=IN IP4 203.0.113.7",
  "a=rtcp:50001",
  "a=ice-ufrag:srvU",
  "a=ice-pwd:serverPasswordOf22Chars",
  "a=candidate:1 1 UDP 4261412862 203.0.113.7 50001 typ host",
].join("\n");

const line = (mid: string, direction: string) => [
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:cliU",
  "a=ice-pwd:clientPasswordOf22Chars",
  "a=ice-options:trickle",
  "a=fingerprint:sha-256 AA:BB",
  "a=setup:actpass",
  `a=mid:${mid}`,
  "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
  `a=${direction}`,
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:63 red/48000/2",
  "a=fmtp:63 111/111",
  "a=rtpmap:9 G722/8000",
];

const offer = (...mids: string[]) =>
  ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", `a=group:BUNDLE ${mids.join(" ")}`]
    .concat(mids.flatMap((mid, index) => line(mid, index === 0 ? "sendonly" : "recvonly")))
    .join("\r\n");

const part = (sdp: string, index: number) => sdp.split(/(?=m=)/)[index + 1] ?? "";

describe("the server's fragment", () => {
  it("gives the transport its address, credentials, fingerprint and candidates", () => {
    const server = parseFragment(FRAGMENT);

    expect(server).toEqual({
      port: 50001,
      address: "203.0.113.7",
      ufrag: "srvU",
      pwd: "serverPasswordOf22Chars",
      fingerprint: "sha-256 4A:79:94:16",
      setup: "passive",
      candidates: ["1 1 UDP 4261412862 203.0.113.7 50001 typ host"],
    });
  });

  it("names its own address as the candidate when it lists none", () => {
    const server = parseFragment(FRAGMENT.replace(/a=candidate.*/, ""));

    expect(server.candidates).toEqual(["1 1 udp 2130706431 203.0.113.7 50001 typ host"]);
  });

  it.each(["a=ice-ufrag", "a=ice-pwd", "a=fingerprint"])("is refused without %s", (missing) => {
    const text = FRAGMENT.split("\n").filter((l) => !l.startsWith(missing)).join("\n");

    expect(() => parseFragment(text)).toThrow(SdpError);
  });
});

describe("the fragment for Select Protocol", () => {
  it("carries transport and Opus and stays far below the socket's limit", () => {
    const { data, payloadType } = selectFragment(offer("0"));

    expect(payloadType).toBe(111);
    expect(data.split("\n")).toEqual([
      "a=extmap-allow-mixed",
      "a=setup:passive",
      "a=ice-ufrag:cliU",
      "a=ice-pwd:clientPasswordOf22Chars",
      "a=ice-options:trickle",
      "a=fingerprint:sha-256 AA:BB",
      "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
      "a=rtpmap:111 opus/48000/2",
      "a=rtcp-fb:111 nack",
      "a=rtpmap:63 red/48000/2",
      "a=fmtp:63 111/111",
    ]);
  });

  it("is refused when the browser has no Opus", () => {
    expect(() => selectFragment(offer("0").replace(/opus/g, "speex"))).toThrow(SdpError);
  });
});

describe("the composed answer", () => {
  const server = parseFragment(FRAGMENT);

  it("takes our microphone on the first line and bundles every line on one transport", () => {
    const answer = composeAnswer(offer("0", "1", "2"), server, [null, null], { bitrate: 64_000 }, 3);

    expect(answer).toContain("a=group:BUNDLE 0 1 2\r\n");
    expect(answer).toContain("o=guildhall 1 3 IN IP4");
    expect(part(answer, 0)).toContain("a=recvonly");
    expect(part(answer, 0)).toContain("a=candidate:1 1 UDP 4261412862 203.0.113.7 50001 typ host");
    expect(part(answer, 1)).not.toContain("a=candidate");
    expect(answer.match(/a=setup:passive/g)).toHaveLength(3);
    expect(answer.match(/a=rtcp-mux/g)).toHaveLength(3);
  });

  it("says that the server begins the handshake where the server says so, and else that we do", () => {
    const active = parseFragment(`${FRAGMENT}\na=setup:active`);

    const answer = composeAnswer(offer("0", "1"), active, [null], { bitrate: 64_000 }, 1);

    expect(answer.match(/a=setup:active/g)).toHaveLength(2);
    expect(answer).not.toContain("a=setup:passive");
  });

  it("binds each speaker's SSRC to its own line and parks the empty ones", () => {
    const speakers = [{ userId: "7", ssrc: 4242 }, null];

    const answer = composeAnswer(offer("0", "1", "2"), server, speakers, { bitrate: 64_000 }, 1);

    expect(part(answer, 1)).toContain("a=sendonly");
    expect(part(answer, 1)).toContain("a=ssrc:4242 cname:user-7");
    expect(part(answer, 1)).toContain("a=msid:user-7 audio-7-4242");
    expect(part(answer, 2)).toContain("a=inactive");
    expect(part(answer, 2)).not.toContain("a=ssrc");
  });

  it("never revives a line that the offer parks", () => {
    const parked = offer("0", "1").replace("a=recvonly", "a=inactive");

    const answer = composeAnswer(parked, server, [{ userId: "7", ssrc: 4242 }], { bitrate: 64_000 }, 1);

    expect(part(answer, 1)).toContain("a=inactive");
    expect(answer).not.toContain("4242");
  });

  it("keeps the browser's own payload type and accepts only audio levels of its extensions", () => {
    const answer = composeAnswer(offer("0").replaceAll("111", "96"), server, [], { bitrate: 96_000 }, 1);

    expect(answer).toContain("m=audio 50001 UDP/TLS/RTP/SAVPF 63 96\r\n");
    expect(answer).toContain("a=rtcp-fb:96 nack\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 96/96\r\n");
    expect(answer).toContain("a=fmtp:96 minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=96000");
    expect(answer).toContain("ssrc-audio-level");
    expect(answer).not.toContain("sdes:mid");
    expect(answer).not.toContain("G722");
  });

  it("asks for no redundancy of a browser that does not know it", () => {
    const answer = composeAnswer(offer("0").replace(/a=rtpmap:63.*/, ""), server, [], { bitrate: 64_000 }, 1);

    expect(answer).toContain("UDP/TLS/RTP/SAVPF 111\r\n");
    expect(answer).not.toContain("red/48000");
  });

  it("ends every line with CRLF", () => {
    const answer = composeAnswer(offer("0"), server, [], { bitrate: 64_000 }, 1);

    expect(answer.endsWith("\r\n")).toBe(true);
    expect(answer.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  });
});

describe("lines of pictures", () => {
  const video = (mid: string, direction: string, ...more: string[]) => [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100",
    "a=ice-ufrag:cliU",
    `a=mid:${mid}`,
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    `a=${direction}`,
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 transport-cc",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:98 H264/90000",
    "a=fmtp:98 packetization-mode=0;profile-level-id=42e01f",
    "a=rtpmap:99 H264/90000",
    "a=fmtp:99 packetization-mode=1;profile-level-id=42e01f",
    ...more,
  ];
  const own = [
    "v=0",
    ...line("0", "sendonly"),
    ...video("1", "sendonly", "a=rid:q send", "a=rid:f send", "a=simulcast:send q;f"),
    ...video("2", "sendonly"),
    ...line("3", "sendonly"),
  ];
  const whole = (...more: string[][]) => [...own, ...more.flat()].join("\r\n");
  const server = parseFragment(
    [FRAGMENT, "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
      "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
      "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"].join("\n"),
  );
  const answer = (offer: string, speakers: Speaker[] = []) => composeAnswer(offer, server, speakers, { bitrate: 64_000, own: 4 }, 1);

  it("tells the server which line is the camera's, which the screen's, and one kind of each codec", () => {
    const { data } = selectFragment(whole());
    const [, camera, screen, sound] = data.split(/(?=m=)/);

    expect(camera).toContain("a=mid:1\na=simulcast:send q;f\na=rtpmap:96 VP8/90000");
    expect(camera).toContain("a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96");
    expect(camera).toContain("a=rtpmap:99 H264/90000");
    expect(camera).not.toContain("a=rtpmap:98");
    expect(camera).toContain("a=rtcp-fb:96 transport-cc\n");
    expect(camera).toContain("a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01");
    expect([screen, sound].map((section) => section?.includes("a=content:slides"))).toEqual([true, true]);
  });

  it("takes our camera in its layers, in codecs that the server forwards", () => {
    const camera = part(answer(whole()), 1);

    expect(camera).toContain("m=video 50001 UDP/TLS/RTP/SAVPF 96 97\r\n");
    expect(camera).toContain("a=recvonly");
    expect(camera).toContain("a=rid:q recv\r\na=rid:f recv\r\na=simulcast:recv q;f");
    expect(camera).toContain("a=rtcp-fb:96 goog-remb");
    expect(camera).not.toMatch(/H264|transport/);
  });

  it("lets the server tell what arrived of the pictures that we send, and of nothing else", () => {
    const numbers = "a=extmap:5 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    const telling = parseFragment(
      [FRAGMENT, "a=rtpmap:96 VP8/90000", numbers].join("\n"),
    );
    const seen = { userId: "7", ssrc: 67, rtx: 68, shown: "screen" as const };
    const offer = whole(video("4", "recvonly")).replaceAll("a=rtpmap:111", `${numbers}\r\na=rtpmap:111`);

    const all = composeAnswer(offer, telling, [seen], { bitrate: 64_000, own: 4 }, 1);

    const told = [0, 1, 2, 3, 4].map((at) => ["transport-cc", numbers].map((line) => part(all, at).includes(line)));
    expect(told).toEqual([[false, false], [true, true], [true, true], [false, false], [false, false]]);
  });

  it("sends somebody's screen with its retransmission", () => {
    const seen = { userId: "7", ssrc: 67, rtx: 68, shown: "screen" as const };

    const screen = part(answer(whole(video("4", "recvonly")), [seen]), 4);

    expect(screen).toContain("a=sendonly");
    expect(screen).toContain("a=msid:screen-7 screen-7-67");
    expect(screen).toContain("a=ssrc-group:FID 67 68\r\na=ssrc:67 cname:user-7\r\na=ssrc:68 cname:user-7");
  });

  it("lets a line wait whose picture is gone", () => {
    const waiting = part(answer(whole(video("4", "recvonly")), []), 4);

    expect(waiting).toContain("a=sendonly");
    expect(waiting).not.toContain("a=ssrc");
  });

  it("keeps both channels of a screen's sound and names its line", () => {
    const sound = part(answer(whole()), 3);

    expect(sound).toContain("stereo=1");
    expect(sound).toContain("sdes:mid");
    expect(sound).not.toMatch(/usedtx|red\/48000/);
  });

  it("refuses pictures where the server forwards none", () => {
    const plain = composeAnswer(whole(), parseFragment(FRAGMENT), [], { bitrate: 64_000, own: 4 }, 1);

    expect([1, 2, 3].map((index) => part(plain, index).includes("a=inactive"))).toEqual([true, true, true]);
  });
});

it("bitrates stay within what Opus can do", () => {
  expect(opusBitrate(undefined)).toBe(64_000);
  expect(opusBitrate(1)).toBe(6_000);
  expect(opusBitrate(9_999_999)).toBe(510_000);
});
