// What the classic script uses and engines of 2020 do not have; the bundler puts it in its place.
const { hasOwnProperty: has } = Object.prototype;

export const hasOwn = (object, name) => has.call(object, name);
