/**
 * User stages that replace a method's own, and the parameters that they bring.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import { UserError } from "../../core/errors.ts";
import type { Generator } from "../../core/generator.ts";
import { initialiseStage } from "../../models/initialise.ts";
import { type Initialise, initialiseFrom, ParameterSet } from "../../models/parameter_set.ts";
import type { AnyStage } from "../stage.ts";
import type { ValueMap } from "./method.ts";
import type { StagesOf } from "./run_options.ts";

/** The user's stages in a run. */
export class OwnStages {
  readonly #stages: ReadonlyMap<string, AnyStage>;
  /** Their parameters, as `stages.STAGE.NAME`. */
  readonly parameters: ParameterSet;

  private constructor(stages: ReadonlyMap<string, AnyStage>, parameters: ParameterSet) {
    this.#stages = stages;
    this.parameters = parameters;
  }

  /**
   * @param known names of the stages that can be replaced
   * @param start the run's generator, or the values of a failed step
   * @throws UserError for a stage that the method does not have
   */
  static create<Parts extends object>(
    on: Context,
    given: StagesOf<object, Parts> | undefined,
    parts: Parts,
    known: readonly string[],
    start: Generator | ValueMap,
  ): OwnStages {
    const made: object = typeof given === "function" ? given(parts) : given ?? {};
    const stages = new Map<string, AnyStage>(
      Object.entries(made).filter(([, stage]) => stage !== undefined),
    );
    const strange = [...stages.keys()].find((name) => !known.includes(name));
    if (strange !== undefined) {
      throw new UserError(`Cannot replace the stage "${strange}": there is no stage of that name`, {
        hint: `the stages are ${known.join(", ")}`,
      });
    }
    const brought = [...stages].flatMap(([stage, { parameters = [] }]) =>
      parameters.map((spec) => ({ ...spec, name: `${prefixOf(stage)}${spec.name}` }))
    );
    const initialise: Initialise = start instanceof Map
      ? initialiseFrom(start, null)
      : (spec) => initialiseStage(spec, (start as Generator).split("stages", spec.name));
    return new OwnStages(stages, ParameterSet.create(on, brought, initialise));
  }

  get names(): string[] {
    return [...this.#stages.keys()];
  }

  /** The user's stage of that name, or the method's; the user's receives the parameters that it brings. */
  instead(stage: AnyStage): AnyStage {
    const own = this.#stages.get(stage.name);
    if (own === undefined) return stage;
    const parameters = this.parameters.scope(prefixOf(stage.name).slice(0, -1));
    return {
      name: own.name,
      run: (input, context) => own.run(input, { ...context, parameters }),
    };
  }
}

function prefixOf(stage: string): string {
  return `stages.${stage}.`;
}
