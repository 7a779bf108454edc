// Draws openapi.json: one line per operation, opened for its parameters, body and answers.
const methods = ["get", "post", "put", "patch", "delete"];

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// A schema as an example-like text, references followed, recursion cut.
function shape(schema, all, seen = []) {
  if (!schema) return null;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return seen.includes(name) ? name : shape(all[name], all, [...seen, name]);
  }
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum.join(" | ");
  const options = schema.anyOf || schema.oneOf || schema.allOf;
  if (options) {
    const shapes = options.map((option) => shape(option, all, seen));
    return shapes.every((one) => typeof one !== "object") ? shapes.join(" | ") : shapes.find((one) => typeof one === "object");
  }
  if (schema.properties) {
    return Object.fromEntries(Object.entries(schema.properties).map(([key, value]) => {
      const optional = schema.required?.includes(key) ? "" : "?";
      return [key + optional, shape(value, all, seen)];
    }));
  }
  if (schema.type === "array") return [shape(schema.items, all, seen)];
  return schema.format || schema.type || "any";
}

function block(title, content) {
  if (content === null || content === undefined) return null;
  return make("div", {}, make("p", { class: "note" }, title), make("pre", {}, JSON.stringify(content, null, 2)));
}

function operation(path, method, told, all) {
  const body = told.requestBody?.content?.["application/json"]?.schema;
  const parameters = Object.fromEntries((told.parameters || []).map((one) => [
    one.name + (one.required ? "" : "?"), `${one.in}: ${shape(one.schema, all)}`,
  ]));
  const answers = Object.entries(told.responses).map(([status, answer]) => {
    const media = Object.values(answer.content || {}).find((one) => one.schema);
    const good = Number(status) < 300;
    return good ? block(`${status} ${answer.description}`, shape(media?.schema, all)) : null;
  });
  const refusals = Object.keys(told.responses).filter((status) => Number(status) >= 300).join(", ");
  return make("details", {},
    make("summary", {}, make("span", { class: "method" }, method.toUpperCase()), make("code", {}, path), told.summary || ""),
    make("p", {}, told.description || ""),
    Object.keys(parameters).length ? block("Parameters", parameters) : null,
    block("Body", shape(body, all)), ...answers,
    make("p", { class: "note" }, `Problems: ${refusals}`));
}

async function draw() {
  const api = await (await fetch("openapi.json")).json();
  const all = api.components?.schemas || {};
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("description").textContent = api.info.description;
  const groups = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const method of methods.filter((one) => operations[one])) {
      const tag = operations[method].tags?.[0] || "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(`/api/v1${path}`, method, operations[method], all));
    }
  }
  document.getElementById("operations").replaceChildren(
    ...[...groups].map(([tag, drawn]) => make("section", {}, make("h2", {}, tag), ...drawn)));
}

draw();
