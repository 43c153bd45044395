/**
 * The VPC that deliver is in, with nothing in it yet: each lane brings its own two subnets and its own way out, because
 * a NAT gateway is the only thing that gives a function an address of its own.
 */
import { CfnInternetGateway, CfnVPCGatewayAttachment, IpAddresses, type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { VPC_CIDR } from './addressing.ts';

export class Network extends Construct {
  readonly vpc: IVpc;
  readonly internetGatewayId: string;
  /** What a route to the internet must wait for. */
  readonly attachment: CfnVPCGatewayAttachment;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(VPC_CIDR),
      subnetConfiguration: [],
      natGateways: 0,
      // Emptying the default security group takes a custom resource, and nothing here uses that group.
      restrictDefaultSecurityGroup: false,
    }) as IVpc;
    const gateway = new CfnInternetGateway(this, 'InternetGateway');
    this.internetGatewayId = gateway.ref;
    this.attachment = new CfnVPCGatewayAttachment(this, 'Attachment', {
      vpcId: this.vpc.vpcId,
      internetGatewayId: gateway.ref,
    });
  }
}
