// What moves on the page: prices from the ticker's WebSocket, a sample of who answers for reviews, and buying.
const book = (id) => document.querySelector(`[data-book="${id}"]`);

function watchPrices() {
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/prices`);
  socket.addEventListener("message", ({ data }) => {
    for (const [id, cents] of Object.entries(JSON.parse(data).prices)) {
      const price = book(id)?.querySelector(".price");
      if (!price) continue;
      const before = Number(price.textContent);
      price.textContent = (cents / 100).toFixed(2);
      price.dataset.moved = cents / 100 > before ? "up" : "down";
    }
  });
  socket.addEventListener("close", () => setTimeout(watchPrices, 1000));
}

const dots = document.querySelector("#dots");
const share = document.querySelector("#share");

async function sampleReviews() {
  const ids = [...document.querySelectorAll("[data-book]")].map((each) => each.dataset.book);
  const dot = document.createElement("i");
  try {
    const response = await fetch(`/api/reviews/${ids[Math.floor(Math.random() * ids.length)]}`);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    const { version, pod } = await response.json();
    dot.className = version;
    dot.title = `${version}, ${pod}`;
  } catch (error) {
    dot.className = "failed";
    dot.title = String(error);
  }
  dots.append(dot);
  while (dots.childElementCount > 120) dots.firstChild.remove();
  const counts = Object.groupBy(dots.children, (each) => each.className);
  share.textContent = Object.keys(counts)
    .sort()
    .map((name) => `${name} ${Math.round((100 * counts[name].length) / dots.childElementCount)} %`)
    .join(" · ");
  setTimeout(sampleReviews, 150);
}

async function buy(article) {
  const stock = article.querySelector(".stock");
  const response = await fetch(`/api/orders/${article.dataset.book}`, { method: "POST" });
  stock.textContent = response.ok ? `${(await response.json()).left} left` : `failed: ${response.status}`;
}

document.addEventListener("click", ({ target }) => {
  if (target.matches(".buy")) void buy(target.closest("[data-book]"));
});

document.querySelector("#early").addEventListener("change", ({ target }) => {
  document.cookie = `reader=${target.checked ? "early" : "ordinary"}; path=/`;
  location.reload();
});

watchPrices();
if (document.querySelector("[data-book]")) void sampleReviews();
