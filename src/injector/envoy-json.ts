/** Marks an object as one of Envoy's messages, for fields that take any. */
export function typed(message: string): { readonly "@type": string } {
  return { "@type": `type.googleapis.com/envoy.${message}` };
}
