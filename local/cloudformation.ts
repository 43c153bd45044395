/** CloudFormation's DescribeStacks, for the command line: the outputs of the stack, in the Query protocol's XML. */
import { escapeXml, type Reply, refusal, xml } from './refusals.ts';
import type { Assembly } from './template.ts';

export function describeStacks(assembly: Assembly, form: Record<string, unknown>): Reply {
  const { StackName: asked } = form;
  if (asked !== undefined && asked !== assembly.stackName)
    return refusal('cloudformation', 'ValidationError', `Stack with id ${asked} does not exist`, 400);
  const outputs = Object.entries(assembly.outputs)
    .map(
      ([key, value]) =>
        `<member><OutputKey>${escapeXml(key)}</OutputKey><OutputValue>${escapeXml(value)}</OutputValue></member>`,
    )
    .join('');
  return xml(
    200,
    `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>` +
      `<StackName>${escapeXml(assembly.stackName)}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>` +
      `<CreationTime>2020-01-01T00:00:00Z</CreationTime><Outputs>${outputs}</Outputs>` +
      `</member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  );
}
