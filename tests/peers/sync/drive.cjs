// Lets @supabase/stripe-sync-engine copy an account into PostgreSQL and hands it every event.
// Prints one line of JSON: how many objects of each kind were copied, which event types were taken.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [folder, address, key, database, version] = process.argv.slice(2);
const load = createRequire(join(folder, "node_modules", "x.js"));
const { StripeSync, runMigrations } = load("@supabase/stripe-sync-engine");
const Stripe = load("stripe");

const OBJECTS = [
  "all", "customer", "invoice", "price", "product", "subscription", "subscription_schedules",
  "setup_intent", "payment_method", "dispute", "charge", "payment_intent", "plan", "tax_id",
  "credit_note", "early_fraud_warning", "refund", "checkout_sessions",
];
const SECRET = "whsec_peers";

function knownTypes() {
  const source = readFileSync(load.resolve("@supabase/stripe-sync-engine"), "utf8");
  const events = source.slice(source.indexOf("async processEvent"), source.indexOf("async syncBackfill"));
  return [...events.matchAll(/case "([a-z_.]+)"/g)].map((found) => found[1]);
}

async function main() {
  await runMigrations({ databaseUrl: database, schema: "stripe" });
  const sync = new StripeSync({
    poolConfig: { connectionString: database, max: 4 },
    stripeSecretKey: key,
    stripeWebhookSecret: SECRET,
    stripeApiVersion: version,
    autoExpandLists: true,
    backfillRelatedEntities: true,
  });
  const { hostname, port } = new URL(address);
  sync.stripe = new Stripe(key, { host: hostname, port, protocol: "http", apiVersion: version });
  const copied = {};
  for (const object of OBJECTS) {
    const done = await sync.syncBackfill({ object });
    const kinds = Object.values(done).filter(Boolean);
    copied[object] = kinds.reduce((sum, kind) => sum + kind.synced, 0);
  }
  copied.features = (await sync.syncFeatures()).synced;
  const report = await handOver(sync);
  await sync.postgresClient.close();
  console.log(JSON.stringify({ copied, ...report }));
}

// Events as they were sent, then one of each other type that it knows, made of an object of the kind.
async function handOver(sync) {
  const events = [];
  for await (const event of sync.stripe.events.list({ limit: 100 })) events.unshift(event);
  const taken = new Set();
  const unknown = new Set();
  const known = new Set(knownTypes());
  for (const event of events) {
    if (!known.has(event.type)) {
      unknown.add(event.type);
      continue;
    }
    await send(sync, event);
    taken.add(event.type);
  }
  const made = [];
  const without = [];
  for (const type of [...known].filter((each) => !taken.has(each))) {
    const like = events.findLast((event) => event.data.object.object === kindOf(type));
    if (like) {
      await send(sync, { ...like, id: `${like.id}_made`, type });
      made.push(type);
    } else {
      without.push(type);
    }
  }
  return { sent: [...taken], made, without, ignored: [...unknown] };
}

async function send(sync, event) {
  const payload = JSON.stringify(event);
  const header = sync.stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
  try {
    await sync.processWebhook(payload, header);
  } catch (problem) {
    throw new Error(`${event.type}: ${problem.message}`);
  }
}

function kindOf(type) {
  if (type.startsWith("charge.refund.")) return "refund";
  if (type.startsWith("charge.dispute.")) return "dispute";
  return type.replace(/\.[a-z_]+$/, "").replace(/^customer\.(?=subscription|tax_id)/, "");
}

main().catch((problem) => {
  console.error(problem);
  process.exit(1);
});
