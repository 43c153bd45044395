import { expect, test } from 'vitest';
import type { SettingsInput } from '../../lib/settings.ts';
import { type Flat, flatten, ofType } from './flatten.ts';

const ip = (name: string, more = {}) => ({ name, ehloName: `${name}.example.com`, ...more });
const pool = (name: string, ...sourceIps: ReturnType<typeof ip>[]) => ({ name, sourceIps });

/** Subnets by path: what CloudFormation would have to replace if it changed. */
const subnetsOf = (flat: Flat) =>
  Object.fromEntries(
    ofType(flat, 'AWS::EC2::Subnet').map(({ path, properties }) => [
      path,
      [properties.CidrBlock, properties.AvailabilityZone],
    ]),
  );

test('each source IP has its own address, NAT gateway, way out, queue and function', () => {
  // Act
  const flat = flatten({ pools: [pool('a', ip('a-1'), ip('a-2')), pool('b', ip('b-1'))] });

  // Assess
  for (const type of ['AWS::EC2::EIP', 'AWS::EC2::NatGateway', 'AWS::Lambda::EventSourceMapping'])
    expect(ofType(flat, type).filter(({ path }) => path.includes('/Lane-'))).toHaveLength(3);
  for (const name of ['Pool-a/Lane-a-1', 'Pool-a/Lane-a-2', 'Pool-b/Lane-b-1']) {
    const at = (path: string) => flat.resources.find((one) => one.path === `${name}/${path}`)?.properties;
    expect(at('Public/NATGateway')).toMatchObject({
      AllocationId: `<${name}/Address.AllocationId>`,
      SubnetId: `<${name}/Public/Subnet>`,
    });
    expect(at('Private/DefaultRoute')).toMatchObject({
      DestinationCidrBlock: '0.0.0.0/0',
      NatGatewayId: `<${name}/Public/NATGateway>`,
      RouteTableId: `<${name}/Private/RouteTable>`,
    });
    expect(at('Deliver/Function').VpcConfig.SubnetIds).toEqual([`<${name}/Private/Subnet>`]);
    expect(at('Public/Subnet').AvailabilityZone).toBe(at('Private/Subnet').AvailabilityZone);
  }
});

test('another lane, another order, one lane less: no other subnet moves', () => {
  // Prepare
  const [x, y, z] = [ip('x-1'), ip('y-1'), ip('z-1')];
  const pools = (...of: SettingsInput['pools'] & object) => subnetsOf(flatten({ pools: of }));

  // Act
  const before = pools(pool('p', x, y));
  const more = pools(pool('p', z, y, x));
  const less = pools(pool('p', y));

  // Assess
  expect(more).toMatchObject(before);
  expect(before).toMatchObject(less);
});

test('a given Elastic IP is used, and none is allocated', () => {
  // Prepare
  const given = { allocationId: 'eipalloc-0123456789abcdef0', ip: '192.0.2.1' };

  // Act
  const flat = flatten({ pools: [pool('p', ip('own', given))] });

  // Assess
  expect(ofType(flat, 'AWS::EC2::EIP')).toEqual([]);
  expect(ofType(flat, 'AWS::EC2::NatGateway')[0]?.properties.AllocationId).toBe('eipalloc-0123456789abcdef0');
  expect(JSON.parse(flat.outputs.Lanes!)[0]).toMatchObject({ name: 'own', ip: '192.0.2.1' });
});

// Attack: deliver is made to connect to a service inside, or to one whose port is not mail's.
test('deliver connects to SMTP, HTTPS and DNS only, and nothing connects to it', () => {
  // Act
  const ports = (settings: SettingsInput) => {
    const [group, ...others] = ofType(flatten(settings), 'AWS::EC2::SecurityGroup');
    expect(others).toEqual([]);
    expect(group!.properties.SecurityGroupIngress).toBeUndefined();
    return (group!.properties.SecurityGroupEgress as { IpProtocol: string; FromPort: number; ToPort: number }[])
      .map(({ IpProtocol, FromPort, ToPort }) => {
        expect(ToPort).toBe(FromPort);
        return `${IpProtocol} ${FromPort}`;
      })
      .sort();
  };

  // Assess
  expect(ports({})).toEqual(['tcp 25', 'tcp 443', 'tcp 53', 'udp 53']);
  expect(ports({ delivery: { smtpPort: 2525, dnsServers: ['10.0.0.2:5353'] } })).toEqual(
    ['tcp 25', 'tcp 2525', 'tcp 443', 'tcp 53', 'tcp 5353', 'udp 53', 'udp 5353'].sort(),
  );
});

test('traffic to S3 and DynamoDB of every lane stays off the NAT gateways', () => {
  const flat = flatten({ pools: [pool('p', ip('p-1'), ip('p-2'))] });
  const endpoints = ofType(flat, 'AWS::EC2::VPCEndpoint').map(({ properties }) => properties);
  expect(endpoints.map(({ ServiceName }) => ServiceName).sort()).toEqual([
    'com.amazonaws.<AWS::Region>.dynamodb',
    'com.amazonaws.<AWS::Region>.s3',
  ]);
  for (const { VpcEndpointType, RouteTableIds } of endpoints)
    expect({ VpcEndpointType, RouteTableIds }).toEqual({
      VpcEndpointType: 'Gateway',
      RouteTableIds: ['<Pool-p/Lane-p-1/Private/RouteTable>', '<Pool-p/Lane-p-2/Private/RouteTable>'],
    });
});
