/** The graphs of the dashboard. */
import { GraphWidget, type IMetric, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';

/** @param width of 24 columns @param unit what its axis is called */
export function graph(title: string, width: number, left: IMetric[], unit?: string): IWidget {
  return new GraphWidget({
    title,
    width,
    height: 6,
    left,
    leftYAxis: { min: 0, ...(unit && { label: unit, showUnits: false }) },
  });
}
