import { expect, test } from 'vitest';
import { flatten, functionName, ofType } from './flatten.ts';

const flat = flatten();
const [rule] = ofType(flat, 'AWS::Events::Rule');
const release = ofType(flat, 'AWS::Lambda::Function').find((fn) => functionName(fn) === 'release');

test('release runs every minute, and a run ends before the next begins', () => {
  expect(rule?.properties).toMatchObject({
    ScheduleExpression: 'rate(1 minute)',
    State: 'ENABLED',
    Targets: [
      { Arn: `<${release?.path}.Arn>`, RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } },
    ],
  });
  expect(release?.properties.Timeout).toBeLessThan(60);
});

test('a run that failed is not run again by Lambda: the next minute reads the same holds', () => {
  expect(ofType(flat, 'AWS::Lambda::EventInvokeConfig')[0]?.properties).toMatchObject({
    FunctionName: `<${release?.path}>`,
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
});
