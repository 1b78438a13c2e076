/**
 * Server-sent events over fetch (EventSource cannot send the Authorization header), followed for ever:
 * a lost line is opened again with growing, jittered pauses.
 */

const SILENCE_MS = 40_000; // the server's heartbeat comes every 15 s: two may be missed
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Frames {id, event, data} of a text/event-stream given as decoded pieces, without comments. */
export async function* readFrames(pieces) {
  let rest = '';
  for await (const piece of pieces) {
    rest = (rest + piece).replaceAll('\r\n', '\n');
    let end;
    while ((end = rest.indexOf('\n\n')) >= 0) {
      const frame = parseFrame(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (frame) yield frame;
    }
  }
}

function parseFrame(block) {
  const frame = { id: null, event: 'message', data: null };
  for (const line of block.split('\n')) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === 'data') frame.data = frame.data === null ? value : `${frame.data}\n${value}`;
    else if (name === 'event' || name === 'id') frame[name] = value;
  }
  return frame.data === null ? null : frame;
}

async function* readText(body, onPiece) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onPiece();
    yield value;
  }
}

/**
 * Follow the stream that `open(signal)` gives until `stop()` is called or `open` fails with an error that
 * `isGone`. `onEvent(event)`, `onLive()`, `onLost()`, `onGone()` tell what happens. `wake()` tries at once.
 */
export function followStream({ open, onEvent, onLive, onLost, onGone }) {
  let stopped = false;
  let attempt = 0;
  let line = null;
  let wake = () => {};

  async function listen() {
    line = new AbortController();
    let silence;
    const hear = () => {
      clearTimeout(silence);
      silence = setTimeout(() => line.abort(), SILENCE_MS);
    };
    hear();
    try {
      const response = await open(line.signal);
      onLive();
      const onPiece = () => {
        attempt = 0;
        hear();
      };
      for await (const frame of readFrames(readText(response.body, onPiece))) {
        if (!stopped) onEvent({ ...JSON.parse(frame.data), type: frame.event });
      }
    } finally {
      clearTimeout(silence);
      line.abort();
    }
  }

  async function run() {
    while (!stopped) {
      const failure = await listen().catch((error) => error);
      if (stopped) return;
      if (failure?.isGone) return onGone();
      onLost();
      await pause(failure?.retryAfterSeconds);
    }
  }

  function pause(retryAfterSeconds) {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt++);
    const wait = retryAfterSeconds ? retryAfterSeconds * 1000 : longest * (0.5 + Math.random() / 2);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  void run();
  return {
    wake: () => {
      attempt = 0;
      wake();
    },
    /** The network went: drop the line now instead of waiting for the silence to tell. */
    drop: () => line?.abort(),
    stop: () => {
      stopped = true;
      line?.abort();
      wake();
    },
  };
}
