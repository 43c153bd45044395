/**
 * EventBridge rules and Scheduler schedules that invoke a function at a rate. A run that fails is not repeated: the next
 * turn is its repetition. It refuses cron expressions, and targets that are no function of the stack.
 */
import type { Functions } from './functions.ts';
import { evaluate, readPolicy } from './iam.ts';
import type { Assembly, Resource } from './template.ts';

export type Schedule = { path: string; functionName: string; everySeconds: number; event: unknown };

/** Reads what runs by the clock. @throws Error naming the place */
export function readSchedules(assembly: Assembly, functions: Pick<Functions, 'specOf'>): Schedule[] {
  const enabled = assembly
    .ofType('AWS::Events::Rule', 'AWS::Scheduler::Schedule')
    .filter(({ properties }) => properties.State !== 'DISABLED');
  return enabled.flatMap((resource) => {
    const { path, type, properties } = resource;
    const expression = properties.ScheduleExpression;
    if (expression === undefined)
      throw new Error(`${path}: a rule on events, not on time, is not run by the local stack`);
    const everySeconds = secondsOf(String(expression), path);
    const scheduler = type === 'AWS::Scheduler::Schedule';
    const targets = (scheduler ? [properties.Target] : (properties.Targets ?? [])) as {
      Arn: string;
      Input?: string;
      RoleArn?: string;
    }[];
    return targets.map(({ Arn: arn, Input: input, RoleArn: role }) => {
      const { name } = functions.specOf(arn);
      if (scheduler) mayInvoke(assembly, String(role), arn, path);
      const event: unknown = input === undefined ? scheduledEvent(resource) : JSON.parse(input);
      return { path, functionName: name, everySeconds, event };
    });
  });
}

function secondsOf(expression: string, path: string): number {
  const [, count, unit] = /^rate\((\d+) (second|minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (!count || !unit)
    throw new Error(`${path}: schedule ${expression} is not run by the local stack; it knows rate(...)`);
  return Number(count) * { second: 1, minute: 60, hour: 3600, day: 86_400 }[unit]!;
}

/** Scheduler takes a role of its own; it must be allowed to invoke. */
function mayInvoke(assembly: Assembly, roleArn: string, functionArn: string, path: string): void {
  const role = assembly.ofType('AWS::IAM::Role').find(({ arn }) => arn === roleArn);
  if (!role) throw new Error(`${path}: its role ${roleArn} is not in the template`);
  const statements = [
    ...((role.properties.Policies ?? []) as { PolicyDocument: unknown }[]).map(({ PolicyDocument }) => PolicyDocument),
    ...assembly
      .ofType('AWS::IAM::Policy')
      .filter(({ properties }) => ((properties.Roles ?? []) as string[]).includes(role.name))
      .map(({ properties }) => properties.PolicyDocument),
  ].flatMap((document) => readPolicy(document, role.path));
  const { allowed } = evaluate({ action: 'lambda:InvokeFunction', resource: functionArn, context: {} }, statements);
  if (!allowed) throw new Error(`${path}: its role may not invoke ${functionArn}`);
}

function scheduledEvent(resource: Resource) {
  return {
    version: '0',
    id: '00000000-0000-0000-0000-000000000000',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '000000000000',
    time: new Date(0).toISOString(),
    region: 'us-east-1',
    resources: [resource.arn ?? resource.name],
    detail: {},
  };
}

/** Runs them. @param everySeconds instead of each schedule's own rate */
export function startSchedules(
  schedules: Schedule[],
  functions: Pick<Functions, 'invoke'>,
  everySeconds: number | undefined,
  onLog: (line: string) => void,
) {
  async function run({ functionName, event }: Schedule): Promise<void> {
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    const sent = typeof event === 'object' && event !== null && 'time' in event ? { ...event, time } : event;
    const result = await functions.invoke(functionName, sent);
    if (!result.ok) onLog(`schedule of ${functionName}: ${result.type}: ${result.message}`);
  }
  const timers = schedules.map((schedule) =>
    setInterval(() => void run(schedule), (everySeconds ?? schedule.everySeconds) * 1000),
  );
  return {
    /** Runs the schedules of a function now, and waits for them. @throws Error when it has none */
    async runNow(functionName: string): Promise<void> {
      const own = schedules.filter((schedule) => schedule.functionName === functionName);
      if (own.length === 0) throw new Error(`no schedule invokes ${functionName}`);
      await Promise.all(own.map(run));
    },
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
