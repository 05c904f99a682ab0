// Graphs of any size, the same every time, for the benches of the canvas.

/** A system of so many nodes: clients before balancers before servers, in columns. */
export function system(nodes, wires, rate, latency) {
  const clients = Math.max(1, Math.round(nodes / 15));
  const balancers = clients;
  const list = [];
  const links = [];
  const put = (kind, n, column, more) => list.push({
    id: `${kind}${n}`, kind, label: `${kind} ${n}`, x: column * 320 + Math.floor(n / 20) * 240, y: (n % 20) * 160, ...more,
  });
  for (let n = 0; n < clients; n += 1) put('clients', n, 0, { rate: rate / clients });
  for (let n = 0; n < balancers; n += 1) put('balancer', n, 1, {});
  const servers = nodes - clients - balancers;
  for (let n = 0; n < servers; n += 1) put('server', n, 2, { service: 5, cores: 16 });
  for (let n = 0; n < clients; n += 1) links.push({ from: `clients${n}`, to: `balancer${n}`, latency_ms: latency });
  for (let n = 0; links.length < wires; n += 1) {
    const [from, to] = [`balancer${n % balancers}`, `server${(Math.floor(n / balancers) + n * 7) % servers}`];
    if (!links.some((link) => link.from === from && link.to === to)) links.push({ from, to, latency_ms: latency });
  }
  return { schema: 'switchyard/1', title: 'Bench', seed: 1, speed: 1, nodes: list, links };
}
