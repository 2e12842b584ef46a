/** What the reader sees while it happens: one line per event, after the seconds since the start. */

export type Timeline = {
  /** A new part of the story, with what it shows. */
  title(text: string): void;
  say(text: string): void;
  /** Calls `sentence` now and then while something takes long, until the function given back is called. */
  during(sentence: () => string): () => void;
};

const PROGRESS_INTERVAL_MS = 3000;

export function createTimeline(write: (line: string) => void, now = () => performance.now()): Timeline {
  const startedAt = now();
  const say = (text: string) => write(`${((now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  return {
    say,
    title: (text) => {
      write('');
      say(`== ${text}`);
    },
    during: (sentence) => {
      const timer = setInterval(() => say(`  ... ${sentence()}`), PROGRESS_INTERVAL_MS);
      return () => clearInterval(timer);
    },
  };
}
