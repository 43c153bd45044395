/**
 * Shaping as this bundle has it: our rules, with what the settings say over them. The bundler writes the settings' part into
 * the code, since an environment variable is too small for it; run from source there is none, and ours stand alone.
 */
import { compileShaping, type Shaping, type ShapingOverrides } from '../core/shaping/compile.ts';

declare const PENNYPOST_SHAPING: ShapingOverrides | undefined;

/** Compiled once, when a function starts. */
export function shapingOfBundle(): Shaping {
  return compileShaping(typeof PENNYPOST_SHAPING === 'undefined' ? {} : PENNYPOST_SHAPING);
}
