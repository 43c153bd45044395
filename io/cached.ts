/**
 * A cache of look-ups for the life of an environment. Each answer lives for `ttl`; "there is none" too, so that a
 * stranger's guesses cost one read each at most; the oldest give way when it is full. Failures are not kept.
 */

/**
 * @param ttl milliseconds
 * @param now milliseconds since the epoch
 */
export function cached<T>(
  look: (key: string) => Promise<T>,
  ttl: number,
  now: () => number,
  size = 1_000,
): (key: string) => Promise<T> {
  const answers = new Map<string, { until: number; answer: Promise<T> }>();
  return (key) => {
    const known = answers.get(key);
    if (known && known.until > now()) return known.answer;
    answers.delete(key);
    if (answers.size >= size) answers.delete(answers.keys().next().value!);
    const answer = look(key);
    answers.set(key, { until: now() + ttl, answer });
    answer.catch(() => {
      if (answers.get(key)?.answer === answer) answers.delete(key);
    });
    return answer;
  };
}
