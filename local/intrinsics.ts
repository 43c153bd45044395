/**
 * CloudFormation's intrinsic functions, evaluated as CloudFormation would (its Template Reference, "Intrinsic functions").
 * It refuses an intrinsic that it does not know, by name and place: a value left half resolved would be a lie about the
 * template. What a name stands for comes in as a `Scope`.
 */

export type Scope = {
  /** A parameter, pseudo parameter or resource. @throws when there is none */
  ref(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  condition(name: string): boolean;
  mapping(map: string, top: string, second: string): unknown;
  availabilityZones: string[];
};

/** What `AWS::NoValue` becomes: the property, or the element of a list, is not there. */
export const NO_VALUE: unique symbol = Symbol('AWS::NoValue');

/**
 * The value with every intrinsic replaced.
 * @param where the place in the template, for error messages
 * @throws Error naming the intrinsic and the place, when it is unknown or malformed
 */
export function resolve(value: unknown, scope: Scope, where: string): unknown {
  if (Array.isArray(value))
    return value.map((one, i) => resolve(one, scope, `${where}[${i}]`)).filter((one) => one !== NO_VALUE);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value);
  const only = keys.length === 1 ? keys[0]! : '';
  if (only === 'Ref' || only.startsWith('Fn::')) return intrinsic(only, Object.values(value)[0], scope, where);
  const result: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key.startsWith('Fn::')) throw new Error(`${where}: ${key} stands beside other keys`);
    const resolved = resolve(inner, scope, `${where}.${key}`);
    if (resolved !== NO_VALUE) result[key] = resolved;
  }
  return result;
}

/** The truth of a condition's definition (`Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not`, `Condition`). */
export function resolveCondition(definition: unknown, scope: Scope, where: string): boolean {
  const [name, argument] = Object.entries(definition as Record<string, unknown>)[0] ?? ['', undefined];
  const list = Array.isArray(argument) ? argument : [];
  const truth = (one: unknown) => resolveCondition(one, scope, where);
  switch (name) {
    case 'Condition':
      return scope.condition(String(argument));
    case 'Fn::Equals':
      return text(resolve(list[0], scope, where), where) === text(resolve(list[1], scope, where), where);
    case 'Fn::And':
      return list.every(truth);
    case 'Fn::Or':
      return list.some(truth);
    case 'Fn::Not':
      return !truth(list[0]);
    default:
      throw new Error(`${where}: condition function ${name} is not known to the local stack`);
  }
}

function intrinsic(name: string, argument: unknown, scope: Scope, where: string): unknown {
  const place = `${where}.${name}`;
  const inner = (value: unknown) => resolve(value, scope, place);
  switch (name) {
    case 'Ref':
      return scope.ref(String(argument));
    case 'Fn::GetAtt': {
      const [logicalId, ...rest] = Array.isArray(argument) ? argument : String(argument).split('.');
      return scope.attribute(String(logicalId), rest.map((one) => text(inner(one), place)).join('.'));
    }
    case 'Fn::Join': {
      const [separator, parts] = argument as [string, unknown];
      return asList(inner(parts), place)
        .map((one) => text(one, place))
        .join(separator);
    }
    case 'Fn::Sub':
      return substitute(argument, scope, place);
    case 'Fn::Select': {
      const [index, list] = argument as [unknown, unknown];
      const chosen = asList(inner(list), place)[Number(inner(index))];
      if (chosen === undefined) throw new Error(`${place}: the list has no element ${JSON.stringify(index)}`);
      return chosen;
    }
    case 'Fn::Split': {
      const [separator, source] = argument as [string, unknown];
      return text(inner(source), place).split(separator);
    }
    case 'Fn::If': {
      const [condition, yes, no] = argument as [string, unknown, unknown];
      return inner(scope.condition(condition) ? yes : no);
    }
    case 'Fn::FindInMap': {
      const [map, top, second] = asList(inner(argument), place).map((one) => text(one, place));
      return scope.mapping(map!, top!, second!);
    }
    case 'Fn::GetAZs':
      return scope.availabilityZones;
    case 'Fn::Base64':
      return Buffer.from(text(inner(argument), place)).toString('base64');
    default:
      throw new Error(`${where}: intrinsic ${name} is not known to the local stack`);
  }
}

function substitute(argument: unknown, scope: Scope, where: string): string {
  const [template, own] = (Array.isArray(argument) ? argument : [argument, {}]) as [unknown, Record<string, unknown>];
  return String(template).replace(/\$\{(!?)([^}]*)\}/g, (_, literal: string, name: string) => {
    if (literal) return `\${${name}}`;
    const key = name.trim();
    if (own && key in own) return text(resolve(own[key], scope, where), where);
    const dot = key.indexOf('.');
    return text(dot < 0 ? scope.ref(key) : scope.attribute(key.slice(0, dot), key.slice(dot + 1)), where);
  });
}

function asList(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${where}: a list is needed, not ${JSON.stringify(value)}`);
  return value;
}

function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`${where}: text is needed, not ${JSON.stringify(value) ?? String(value)}`);
}
