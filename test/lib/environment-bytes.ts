/**
 * How many bytes a function's variables have at most as Lambda measures them: all of them as one JSON text, in which the quotes of JSON within
 * it count twice. Names that AWS makes are as long as they can be.
 */
import type { Flat, FlatResource } from './flatten.ts';

/** The longest of a region, a partition, and what a domain of AWS ends in. */
const AT = 'ap-southeast-1';
const ARN = 'arn:aws-us-gov';
const DOMAIN = `${AT}.amazonaws.com.cn`;
const ACCOUNT = '123456789012';

/** What CloudFormation puts behind a name that it makes. */
const made = (stack: string, logicalId: string, most = 255) =>
  `${stack}-${logicalId}-`.padEnd(255, 'x').slice(0, Math.min(most, stack.length + logicalId.length + 2 + 13));

export function environmentBytes(flat: Flat, fn: FlatResource): number {
  const { stackName, template, nested } = flat.synthesized;
  const types = new Map(flat.resources.map(({ path, type }) => [path, type]));
  const ids = new Map(
    [template, ...Object.values(nested)].flatMap(({ Resources }) =>
      Object.entries(Resources).map(([id, { Metadata }]): [string, string] => [
        String(Metadata?.['aws:cdk:path'])
          .replace(/^Pennypost\//, '')
          .replace(/\/(Resource|Default)$/, ''),
        id,
      ]),
    ),
  );
  const value = (reference: string): string => {
    const [, path = '', attribute] = /^<([^.>]*)\.?([^>]*)>$/.exec(reference)!;
    const id = ids.get(path) ?? '';
    switch (types.get(path)) {
      case 'AWS::DynamoDB::Table':
        return made(stackName, id);
      case 'AWS::SQS::Queue':
        return `https://sqs.${DOMAIN}/${ACCOUNT}/${'q'.repeat(80)}`;
      case 'AWS::S3::Bucket':
        return made(stackName, id, 63);
      case 'AWS::SecretsManager::Secret':
        return `${ARN}:secretsmanager:${AT}:${ACCOUNT}:secret:${id}-${'x'.repeat(12)}-${'x'.repeat(6)}`;
      case 'AWS::KMS::Key':
        return `${ARN}:kms:${AT}:${ACCOUNT}:key/${'x'.repeat(36)}`;
      case 'AWS::EC2::EIP':
        return '255.255.255.255';
      case 'AWS::ApiGatewayV2::Api':
        return `https://${'x'.repeat(10)}.execute-api.${DOMAIN}`;
      case 'AWS::CloudFront::ConnectionGroup':
        return `${'x'.repeat(14)}.cloudfront.net`;
      case 'AWS::SES::ConfigurationSet':
        return 'x'.repeat(64);
      default:
        if (path === 'AWS::Region') return AT;
        throw new Error(`how long is ${reference}, ${types.get(path)} ${attribute}?`);
    }
  };
  const variables = Object.entries(fn.properties.Environment.Variables as Record<string, string>).map(
    ([name, text]) => [name, text.replace(/<[^<>]*>/g, value)],
  );
  return Buffer.byteLength(JSON.stringify(Object.fromEntries(variables)));
}
