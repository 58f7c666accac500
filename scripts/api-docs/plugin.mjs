// PolarStrategy is documented as a class (`@class`), though it is a constant, typed as a constructor with generic overloads.
// TypeDoc 0.28 takes the type parameter of the first overload for one of the class, and keeps a second copy of each parameter,
// without its comment.
import { Converter, ReflectionKind } from 'typedoc';

export function load({ converter }) {
  converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const each of project.getReflectionsByKind(ReflectionKind.Class))
      if (each.name === 'PolarStrategy') delete each.typeParameters;
    for (const each of project.getReflectionsByKind(ReflectionKind.Parameter))
      if (each.parent.parameters?.includes(each) === false) project.removeReflection(each);
  });
}
