// What TypeDoc 0.28 has no option for.
import { Converter, ReflectionKind } from 'typedoc';

export function load({ converter }) {
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => documentStrategyAsClass(project));
  // After the groups have been made.
  converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => sortModules(project), -1000);
}

/**
 * PolarStrategy is documented as a class (`@class`), though it is a constant, typed as a constructor with generic overloads.
 * TypeDoc takes the type parameter of the first overload for one of the class, and keeps a second copy of each parameter,
 * without its comment. Readers get each form of the callback once, the usual one first, with its type instead of a parameter.
 */
function documentStrategyAsClass(project) {
  for (const each of project.getReflectionsByKind(ReflectionKind.Parameter))
    if (each.parent.parameters?.includes(each) === false) project.removeReflection(each);

  const strategy = project.getChildByName('passport-polar-sh.PolarStrategy');
  delete strategy.typeParameters;
  for (const member of strategy.children)
    for (const each of [member, ...(member.signatures ?? []), member.getSignature])
      delete each?.inheritedFrom;
  const implemented = strategy.getChildByName('constructor');
  const declared = project.getChildByName(
    'passport-polar-sh.PolarStrategyConstructor.constructor',
  ).signatures;
  for (const [index, { typeParameters }] of declared.entries())
    if (typeParameters !== undefined)
      implemented.signatures[index].parameters[1].type = typeParameters[0].default;
  const [withRequest, withRequestAndParams, usual, classic, classicWithParams, repeated] =
    implemented.signatures;
  project.removeReflection(repeated);
  implemented.signatures = [usual, classic, classicWithParams, withRequest, withRequestAndParams];
}

/** Sorts the names of each module, which would follow the paths of their files; members keep the order of the source. */
function sortModules(project) {
  for (const module of project.getReflectionsByKind(ReflectionKind.Module))
    for (const group of module.groups ?? [])
      group.children.sort(
        (one, other) =>
          kinds.indexOf(one.kind) - kinds.indexOf(other.kind) || one.name.localeCompare(other.name),
      );
}

const kinds = [
  ReflectionKind.Class,
  ReflectionKind.Function,
  ReflectionKind.Interface,
  ReflectionKind.TypeAlias,
];
