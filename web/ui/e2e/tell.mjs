// How one story is told. What a step leaves behind without waiting for it (a wait whose click failed, a server of the story's
// own that throws) ends that story and no other.

const strays = [];
process.on("unhandledRejection", (err) => strays.push(err));
process.on("uncaughtException", (err) => strays.push(err));

/** Lets rejections that nobody waits for be reported: they are once what is ready has run. */
const settled = async () => {
  for (let i = 0; i < 3; i++) await new Promise((done) => setImmediate(done));
};

/**
 * Tells one story and says whether it went well. begin() returns its world; check(world) throws when something is wrong besides
 * what the step says; failed(world) is what to do for whoever looks for the cause; end(world) gives everything back.
 */
export async function tell(name, steps, { begin, check = () => {}, failed = () => {}, end = () => {} }) {
  let world;
  let well = true;
  const wrong = (what, err) => {
    well = false;
    console.error(`FAIL  ${name}${what ? `: ${what}` : ""}\n      ${err?.stack ?? err}`);
  };
  const strayed = async (what) => {
    await settled();
    for (const err of strays.splice(0)) wrong(`${what}: something was left behind and failed`, err);
  };
  try {
    world = await begin();
    for (const [what, step] of steps) {
      const began = Date.now();
      try {
        await step(world);
        await check(world);
      } catch (err) {
        wrong(what, err);
      }
      await strayed(what);
      if (!well) {
        await failed(world);
        break;
      }
      console.log(`ok    ${name}: ${what} (${Date.now() - began} ms)`);
    }
  } catch (err) {
    wrong("", err);
  }
  try {
    await end(world);
  } catch (err) {
    wrong("at its end", err);
  }
  await strayed("at its end");
  return well;
}
