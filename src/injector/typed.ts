/** The type of a packed configuration of Envoy's, in its JSON form. */
export function typed(message: string): { readonly "@type": string } {
  return { "@type": `type.googleapis.com/envoy.${message}` };
}
