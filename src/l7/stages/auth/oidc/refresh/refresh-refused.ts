/** The provider refuses this refresh token for good. */
export class RefreshRefused extends Error {}
