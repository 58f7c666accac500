/** A globe with its meridians, in the color that stands out from the browser's tabs. */
export const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke-width="2.6">
<style>svg { stroke: #0a5cff } @media (prefers-color-scheme: dark) { svg { stroke: #83b0ff } }</style>
<circle cx="16" cy="16" r="13"/><ellipse cx="16" cy="16" rx="7" ry="13"/>
</svg>
`;
