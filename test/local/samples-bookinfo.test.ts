// Istio's tasks of traffic management with its Bookinfo sample: the files as Istio publishes them, nothing changed.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { gatewayHost, INGRESS } from "#test/samples/ingress.ts";
import { type Answer, eventually, type SampleMesh, startSamples } from "#test/samples/mesh.ts";

const PAGE = "http://productpage:9080/productpage";
const REVIEWS = "http://productpage:9080/api/v1/products/0/reviews";
const UNAVAILABLE = /Sorry, product reviews are currently unavailable for this book/;

const networking = (name: string) => `bookinfo/networking/${name}.yaml`;
const gatewayApi = (name: string) => `bookinfo/gateway-api/${name}.yaml`;

let samples: SampleMesh;

before(async () => {
  samples = await startSamples("bookinfo/platform/kube/bookinfo.yaml", "curl/curl.yaml");
});
after(() => samples.close());

type Stars = "none" | "black" | "red" | "unavailable";

function starsOf({ body }: Answer): Stars {
  const { reviews = [] } = JSON.parse(body) as {
    readonly reviews?: readonly { readonly rating?: { readonly color?: "black" | "red" } }[];
  };
  const [first] = reviews;
  if (first === undefined) return "unavailable";
  return first.rating === undefined ? "none" : (first.rating.color ?? "unavailable");
}

/** How often which stars are shown, of so many calls. */
async function stars(calls: number, ...args: readonly string[]): Promise<Partial<Record<Stars, number>>> {
  const answers = await samples.curl([...args, `${REVIEWS}?[1-${calls}]`]);
  const counts: Partial<Record<Stars, number>> = {};
  for (const answer of answers) counts[starsOf(answer)] = (counts[starsOf(answer)] ?? 0) + 1;
  return counts;
}

/** Waits until the calls are shared out among these stars and no others. */
async function shown(...wanted: readonly Stars[]): Promise<void> {
  await eventually(
    async () =>
      Object.keys(await stars(30))
        .toSorted()
        .join(),
    (kinds) => kinds === wanted.toSorted().join(),
  );
}

/** Logs in with this name, follows the way back, and gives the page with how long it took. */
async function pageFor(user: string): Promise<{ readonly page: string; readonly ms: number }> {
  const begun = performance.now();
  const [answer] = await samples.curl([
    "-L",
    "-b",
    "",
    "-d",
    `username=${user}`,
    "http://productpage:9080/login",
  ]);
  return { page: answer?.body ?? "", ms: performance.now() - begun };
}

const asJason = ["-b", `session=${Buffer.from("jason").toString("base64url")}`];

suite("getting started", () => {
  test("the page is there, seen from the ratings", async () => {
    const [answer] = await eventually(
      () => samples.curl(["-S", "productpage:9080/productpage"], "deploy/ratings-v1"),
      ([found]) => /Book Details.*Book Reviews/s.test(found?.body ?? ""),
    );
    assert.match(answer?.body ?? "", /<title>Simple Bookstore App<\/title>/);
  });

  test("reviews come from all three versions", () => shown("none", "black", "red"));

  test("the gateway serves the page, and nothing that has no route", async () => {
    await samples.startIngress();
    samples.apply(networking("bookinfo-gateway"));
    const [page] = await eventually(
      () => samples.curlOutside([`http://${INGRESS}/productpage`]),
      ([answer]) => answer?.status === 200,
    );
    assert.match(page?.body ?? "", /<title>Simple Bookstore App<\/title>/);
    const others = await samples.curlOutside([`http://${INGRESS}/{api/v1/products,static/style.css,health}`]);
    assert.deepEqual(
      others.map(({ status }) => status),
      [200, 200, 404],
    );
  });
});

suite("request routing", () => {
  test("everything goes to v1", async () => {
    samples.apply(networking("destination-rule-all"), networking("virtual-service-all-v1"));
    await shown("none");
  });

  test("jason gets v2, others do not", async () => {
    samples.apply(networking("virtual-service-reviews-test-v2"));
    await eventually(
      () => stars(20, ...asJason),
      ({ black }) => black === 20,
    );
    assert.deepEqual(await stars(20), { none: 20 });
    assert.match((await pageFor("jason")).page, /stars-black/);
  });
});

suite("fault injection", () => {
  test("a delay of 7 s for jason shows that the page does not wait so long", async () => {
    samples.apply(networking("virtual-service-ratings-test-delay"));
    const { page, ms } = await eventually(
      () => pageFor("jason"),
      // Twice three seconds, and not twice seven.
      (answer) => UNAVAILABLE.test(answer.page) && answer.ms < 13_000,
    );
    assert.match(page, /Book Details/);
    assert.ok(ms > 5_900, `${ms} ms`);
    assert.deepEqual(await stars(1), { none: 1 });
  });

  test("an abort for jason is seen at once", async () => {
    samples.apply(networking("virtual-service-ratings-test-abort"));
    // The delay of the task before makes the page say the same, but late.
    const { page } = await eventually(
      () => pageFor("jason"),
      (answer) => answer.page.includes("Ratings service is currently unavailable") && answer.ms < 5_500,
    );
    assert.match(page, /Book Reviews/);
  });

  test("an abort can have any status", async () => {
    samples.apply(networking("fault-injection-details-v1"));
    await eventually(
      () => samples.curl(["http://productpage:9080/api/v1/products/0"]),
      ([answer]) => answer?.status === 555,
    );
    assert.match((await samples.curl([PAGE]))[0]?.body ?? "", /Error fetching product details/);
    samples.apply(networking("destination-rule-all"));
  });
});

suite("traffic shifting", () => {
  const steps: readonly (readonly [file: string, ...Stars[]])[] = [
    ["virtual-service-all-v1", "none"],
    ["virtual-service-reviews-50-v3", "none", "red"],
    ["virtual-service-reviews-80-20", "none", "black"],
    ["virtual-service-reviews-90-10", "none", "black"],
    ["virtual-service-reviews-v2-v3", "black", "red"],
    ["virtual-service-reviews-v3", "red"],
    ["virtual-service-reviews-jason-v2-v3", "red"],
  ];
  for (const [file, ...wanted] of steps)
    test(`${file}: ${wanted.join(" and ")}`, async () => {
      samples.apply(networking(file));
      await shown(...wanted);
    });

  test("half of the calls are half of them", async () => {
    samples.apply(networking("virtual-service-reviews-50-v3"));
    await shown("none", "red");
    const { none = 0, red = 0 } = await stars(200);
    assert.equal(none + red, 200);
    // Five standard deviations.
    assert.ok(red > 64 && red < 136, `${red} of 200`);
  });

  test("the same subsets with ISTIO_MUTUAL written out", async () => {
    samples.apply(networking("destination-rule-all-mtls"), networking("virtual-service-reviews-v3"));
    await shown("red");
  });

  test("the same subsets with another load balancer", async () => {
    samples.apply(networking("destination-rule-reviews"), networking("virtual-service-reviews-v2-v3"));
    await shown("black", "red");
  });
});

test("request timeouts: half a second for reviews, when ratings take two", async () => {
  samples.apply(
    networking("destination-rule-all"),
    networking("virtual-service-all-v1"),
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts: [reviews]
  http:
    - timeout: 0.5s
      route:
        - destination: { host: reviews, subset: v2 }
`,
  );
  await shown("black");
  samples.apply(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ratings
spec:
  hosts: [ratings]
  http:
    - fault:
        delay: { percentage: { value: 100 }, fixedDelay: 2s }
      route:
        - destination: { host: ratings, subset: v1 }
`);
  await eventually(
    () => samples.curl([PAGE]),
    ([answer]) => UNAVAILABLE.test(answer?.body ?? ""),
  );
  const begun = performance.now();
  await samples.curl([PAGE]);
  // The page asks twice.
  const ms = performance.now() - begun;
  assert.ok(ms > 950 && ms < 10_000, `${ms} ms`);
});

suite("the same with the Gateway API", () => {
  before(() => {
    samples.delete(
      networking("virtual-service-all-v1"),
      networking("destination-rule-all"),
      networking("bookinfo-gateway"),
    );
    samples.apply("bookinfo/platform/kube/bookinfo-versions.yaml");
  });

  test("without routes reviews come from all three versions", () => shown("none", "black", "red"));

  const steps: readonly (readonly [file: string, ...Stars[]])[] = [
    ["route-all-v1", "none"],
    ["route-reviews-90-10", "none", "black"],
    ["route-reviews-50-v3", "none", "red"],
    ["route-reviews-v3", "red"],
    ["route-reviews-v1", "none"],
  ];
  for (const [file, ...wanted] of steps)
    test(`${file}: ${wanted.join(" and ")}`, async () => {
      samples.apply(gatewayApi(file));
      await shown(...wanted);
    });

  test("the gateway serves the page, and nothing that has no route", async () => {
    samples.apply(gatewayApi("bookinfo-gateway"));
    await samples.mesh.ready("bookinfo-gateway-heddle");
    const url = `http://${gatewayHost("bookinfo-gateway")}`;
    const [page] = await eventually(
      () => samples.curlOutside([`${url}/productpage`]),
      ([answer]) => answer?.status === 200,
    );
    assert.match(page?.body ?? "", /<title>Simple Bookstore App<\/title>/);
    assert.equal((await samples.curlOutside([`${url}/health`]))[0]?.status, 404);
  });
});
