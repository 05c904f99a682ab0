// What a test may demand. Values are compared deeply and strictly.

export { deepStrictEqual as equal, match, ok } from 'node:assert/strict';

/** Waits until `fn` gives something true without throwing, and gives that. */
export async function eventually(fn, { timeout = 5000, message = 'it never came true' } = {}) {
  const end = performance.now() + timeout;
  for (;;) {
    let reason = '';
    try {
      const value = await fn();
      if (value) return value;
    } catch (error) {
      reason = `: ${error.message}`;
    }
    if (performance.now() >= end) throw new Error(`${message} (waited ${timeout} ms)${reason}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
