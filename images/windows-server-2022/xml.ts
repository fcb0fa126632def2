/** An XML element: its name, attributes and contents. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: string | readonly XmlElement[];
}

/** An element without attributes. */
export function element(name: string, content: XmlElement["content"] | boolean | number): XmlElement {
  const text = typeof content === "boolean" || typeof content === "number" ? String(content) : content;
  return { name, attributes: {}, content: text };
}

/** A list element of an answer file, with the attribute that adds it to the list. */
export function added(name: string, content: readonly XmlElement[]): XmlElement {
  return { name, attributes: { "wcm:action": "add" }, content };
}

/** Serializes a document with this root element, indented. */
export function xmlDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n${render(root, "")}`;
}

function render({ name, attributes, content }: XmlElement, indent: string): string {
  const start = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escape(value)}"`)];
  const head = `${indent}<${start.join(" ")}>`;
  if (typeof content === "string") return `${head}${escape(content)}</${name}>\n`;
  return `${head}\n${content.map((each) => render(each, `${indent}  `)).join("")}${indent}</${name}>\n`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
