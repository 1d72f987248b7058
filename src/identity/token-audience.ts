/** The audience of every token that Heddle accepts. */
export const tokenAudience = "heddle";
