/**
 * A function's environment, read once when it starts. A missing or malformed variable stops the start with its name:
 * better than a failure at the first message.
 */

/** @throws Error naming the variable, when it is absent or empty. */
export function requireVariable(name: string, env: NodeJS.ProcessEnv = process.env): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`environment variable ${name} is not set`);
  return value;
}

/** @throws Error naming the variable, when it is absent or no whole number ≥ 0. */
export function requireNumber(name: string, env: NodeJS.ProcessEnv = process.env): number {
  const text = requireVariable(name, env);
  if (!/^\d+$/.test(text)) throw new Error(`environment variable ${name} is "${text}", which is not a whole number`);
  return Number(text);
}

/** Undefined when it is absent. @throws as requireNumber */
export function optionalNumber(name: string, env: NodeJS.ProcessEnv = process.env): number | undefined {
  return env[name] ? requireNumber(name, env) : undefined;
}

/** A lane as accept, expand and release know it. Weight 0: it gets no new mail, and works off what it has. */
export type Lane = { name: string; pool: string; weight: number; url: string };

/**
 * The lanes of the stack: JSON in `LANES`, written by `lib/`.
 * @throws Error naming the variable, when it holds no lane or one that is not whole
 */
export function requireLanes(env: NodeJS.ProcessEnv = process.env): Lane[] {
  const lanes = JSON.parse(requireVariable('LANES', env)) as Lane[];
  if (!Array.isArray(lanes) || lanes.length === 0) throw new Error('environment variable LANES names no lane');
  for (const { name, pool, weight, url } of lanes)
    if (!name || !pool || !url || !(weight >= 0))
      throw new Error(`environment variable LANES: lane ${name} is not whole`);
  return lanes;
}
