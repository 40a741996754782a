/** The provider does not take this refresh token, now or later. */
export class RefreshRefused extends Error {}
