// Puts Firstline's widget on a page. The widget itself comes from the server, so that the two always fit each other.

let loading;

/** Puts the widget on the page, once, and returns its functions when it is there. */
export function load(options) {
  loading ??= start(options).catch((err) => {
    loading = undefined; // the next call tries again
    throw err;
  });
  return loading;
}

async function start(options) {
  const origin = new URL(options.origin).origin;
  if (!window.Firstline) {
    const queue = [];
    window.Firstline = Object.assign((...call) => void queue.push(call), { q: queue });
  }
  const ready = new Promise((done) => window.Firstline("on", "ready", done));
  window.Firstline("init", { ...options, origin });
  await import(/* @vite-ignore */ /* webpackIgnore: true */ `${origin}/widget.js`);
  await ready;
  return window.Firstline;
}
